"""Unusual volume: more mails or records of an incident, or of a partner, than its history explains."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from statistics import median

import msgspec

from services.notifier.domain.grouping import Joined
from services.notifier.domain.notification import BrakeScope
from services.notifier.domain.planning import Planned

DAYS_COMPARED = 28
NORMAL = 1.4826
"""The median of the absolute deviations, times this, is the standard deviation where days are spread normally."""


class Measure(StrEnum):
    """What is counted. A record is one finding; one mail can be about thousands."""

    MAILS = "mails"
    RECORDS = "records"


class VolumePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A day is unusual that is above `factor` times the median, and `spreads` robust standard deviations above it.

    Never one below the `floors`; with less than `least_days` of history every day above them is.
    """

    is_on: bool = True
    floors: dict[Measure, int]
    factor: float = 3.0
    spreads: float = 6.0
    least_days: int = 7


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """What the days before were like; `most` is what a day may have."""

    days: int
    middle: float
    deviation: float
    most: float


class Unusual(msgspec.Struct, frozen=True, kw_only=True):
    """So many today, of one incident or partner."""

    scope: BrakeScope
    value: str
    measure: Measure
    today: int
    usual: Usual
    is_little_history: bool

    @property
    def words(self) -> str:
        """Why, with the numbers, for whoever decides."""
        usual, of = self.usual, f"{self.scope} {self.value}"
        told = f"{self.today:,} {self.measure} of the {of} today, where more than {usual.most:,.0f} is unusual."
        if self.is_little_history:
            days = f"{usual.days} day" if usual.days == 1 else f"{usual.days} days"
            return f"{told} There are {days} of history, too few to compare with."
        return (
            f"{told} On the {usual.days} days before, the median was {usual.middle:,.0f}, "
            f"and the median deviation from it {usual.deviation:,.0f}."
        )


def usual_of(history: Sequence[int], *, floor: int, policy: VolumePolicy) -> Usual:
    """`history` has the days before today, silent ones too, from the first on that it was heard of."""
    days = history[-DAYS_COMPARED:]
    middle = median(days) if days else 0.0
    deviation = median([abs(day - middle) for day in days]) if days else 0.0
    explained = max(policy.factor * middle, middle + policy.spreads * NORMAL * deviation)
    most = max(float(floor), explained if len(days) >= policy.least_days else 0.0)
    return Usual(days=len(days), middle=middle, deviation=deviation, most=most)


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What one day brought of an incident or a partner."""

    mails: int = 0
    records: int = 0

    def of(self, measure: Measure) -> int:
        return self.mails if measure is Measure.MAILS else self.records


Subject = tuple[BrakeScope, str]
"""An incident or a partner, whose mails and records are counted."""


def brought_by(planned: Iterable[Planned], joined: Iterable[Joined]) -> dict[Subject, Day]:
    """What a batch adds to the day: its targets that are mailed, and the mails that they open. Tests don't count."""
    records, mails = Counter[Subject](), Counter[Subject]()
    for target in (item.target for item in planned if item.target.recipient.test_of is None):
        records.update(((BrakeScope.INCIDENT, target.incident), (BrakeScope.PARTNER, target.partner)))
    for group in (item.group for item in joined if item.is_new and item.group.recipient.test_of is None):
        mails[BrakeScope.INCIDENT, group.incident] += 1
        mails.update((BrakeScope.PARTNER, partner) for partner in group.partners)
    return {subject: Day(mails=mails[subject], records=records[subject]) for subject in sorted({*records, *mails})}


def judge_volume(
    scope: BrakeScope, value: str, *, today: Day, history: Sequence[Day], agreed: Day | None, policy: VolumePolicy
) -> Unusual | None:
    """What is unusual about today; None for nothing.

    `agreed` is what there was when a person last released the mails today: it takes twice as much to stop them again.
    """
    if not policy.is_on:
        return None
    for measure in Measure:
        usual = usual_of([day.of(measure) for day in history], floor=policy.floors[measure], policy=policy)
        most = max(usual.most, 2.0 * agreed.of(measure) if agreed else 0.0)
        if today.of(measure) > most:
            return Unusual(
                scope=scope,
                value=value,
                measure=measure,
                today=today.of(measure),
                usual=msgspec.structs.replace(usual, most=most),
                is_little_history=usual.days < policy.least_days,
            )
    return None
