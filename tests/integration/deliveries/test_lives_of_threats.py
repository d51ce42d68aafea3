"""Whatever happens to threats, in any order and more than once: their lives are those of a simple model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Asset, FeedbackReceived, RawIndicator
from libs.common.db import Transaction
from libs.common.ids import derived_id
from libs.common.vocabulary import FeedbackKind, Severity
from services.verifier.domain import threat_id_of
from services.verifier.handlers import age_threats
from services.verifier.handlers.life import BEFORE_ALL
from services.verifier.store import compact_reports
from tests.integration.deliveries.conftest import Start
from tests.integration.deliveries.rig import Rig, Row, Work
from tests.integration.deliveries.schedules import Batch, examples
from tests.unit.verifier.builders import NOW, RULES, raw

DAY = timedelta(days=1)
ASSETS = tuple(Asset(ip=f"145.10.20.{number}", port=445) for number in (30, 31))
NOBODY = Asset(ip="10.0.0.1", port=445)
PARTNERS = ("demo", "other")


@dataclass(frozen=True, slots=True)
class Seen:
    """`asset` None: a record that is refuted, which shows no more than that its feed reports."""

    asset: int | None
    partner: str
    days_ago: int
    severity: Severity = Severity.HIGH


@dataclass(frozen=True, slots=True)
class Answered:
    asset: int
    kind: FeedbackKind


@dataclass(frozen=True, slots=True)
class Walked:
    """All threats are looked at."""


Happening = Seen | Answered | Walked
Plan = list[tuple[int, Happening, bool]]
"""What happens, how many days after what was before, and whether all threats are looked at before it does."""

SIGHTINGS = st.builds(
    Seen,
    asset=st.sampled_from((0, 0, 1, None)),
    partner=st.sampled_from(PARTNERS),
    days_ago=st.integers(0, 5),
    severity=st.sampled_from((Severity.HIGH, Severity.HIGH, Severity.CRITICAL)),
)
ANSWERS = st.builds(
    Answered, asset=st.sampled_from((0, 0, 1)), kind=st.sampled_from((FeedbackKind.FIXED, FeedbackKind.FALSE_POSITIVE))
)
HAPPENINGS = st.one_of(SIGHTINGS, SIGHTINGS, SIGHTINGS, ANSWERS)
PLANS = st.lists(st.tuples(st.sampled_from((0, 1, 31, 61)), HAPPENINGS, st.booleans()), min_size=4, max_size=14)


@dataclass(slots=True)
class Life:
    """What a person would note on a card about one threat."""

    last_seen: datetime
    announced: datetime
    partners: set[str]
    severity: Severity
    """The worst that was told since it was last opened."""
    sightings: int = 1
    is_quiet: bool = False
    closed: tuple[str, datetime] | None = None
    reopenings: int = 0

    @property
    def heard(self) -> datetime:
        return max(self.last_seen, self.announced)

    def see(self, seen_at: datetime, partner: str, severity: Severity, now: datetime) -> None:
        is_news = now - self.announced >= 15 * DAY or worst(severity, self.severity) is not self.severity
        if self.closed is not None:
            reason, closed_at = self.closed
            is_news = seen_at > (self.last_seen if reason == "not-seen-again" else closed_at)
            if is_news:
                self.closed, self.reopenings, self.severity = None, self.reopenings + 1, severity
        if is_news or seen_at > self.heard:
            self.is_quiet = False
        self.last_seen = max(self.last_seen, seen_at)
        self.announced = now if is_news else self.announced
        self.partners.add(partner)
        self.severity = worst(severity, self.severity)
        self.sightings += 1

    def answer(self, kind: FeedbackKind, now: datetime) -> bool:
        """Whether it is this answer that closes it."""
        if self.closed is not None and self.closed[0] != "not-seen-again":
            return False
        self.closed = (kind.value, now)
        return True

    def age(self, reported: datetime, now: datetime) -> None:
        if self.closed is None:
            self.is_quiet = reported - self.heard > 30 * DAY
            if reported - self.heard > 90 * DAY:
                self.closed = ("not-seen-again", now)


@dataclass(slots=True)
class Cards:
    """All threats by their assets, until when each is known to be wrong, and what is known of the partners."""

    lives: dict[int, Life] = field(default_factory=dict)
    wrong_until: dict[int, datetime] = field(default_factory=dict)
    reported: dict[str, datetime] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)

    def happen(self, happening: Happening, now: datetime) -> None:
        match happening:
            case Seen(asset, partner, days_ago, severity):
                self.reported[partner] = now
                if asset is not None and self.wrong_until.get(asset, now) <= now:
                    self._see(asset, partner, now - days_ago * DAY, severity, now)
            case Answered(asset, kind):
                if asset in self.lives:
                    self._answer(asset, kind, now)
            case Walked():
                for life in self.lives.values():
                    life.age(max(self.reported[partner] for partner in life.partners), now)

    def _see(self, asset: int, partner: str, seen_at: datetime, severity: Severity, now: datetime) -> None:
        if asset in self.lives:
            self.lives[asset].see(seen_at, partner, severity, now)
        else:
            self.lives[asset] = Life(last_seen=seen_at, announced=now, partners={partner}, severity=severity)

    def _answer(self, asset: int, kind: FeedbackKind, now: datetime) -> None:
        is_closed = self.lives[asset].answer(kind, now)
        if kind is FeedbackKind.FALSE_POSITIVE:
            self.wrong_until[asset] = now + 180 * DAY
            for partner in self.lives[asset].partners if is_closed else ():
                self.wrong[partner] = self.wrong.get(partner, 0) + 1


def step_of(number: int, happening: Happening, now: datetime, *, again: bool) -> Work | list[Batch]:
    """As it comes to the service: all that comes by a topic may come twice."""
    match happening:
        case Seen(asset, partner, days_ago, severity):
            at = NOBODY if asset is None else ASSETS[asset]
            event: RawIndicator | FeedbackReceived = msgspec.structs.replace(
                raw(number, asset=at, partner=partner, seen_at=now - days_ago * DAY, severity=severity),
                received_at=now,
            )
        case Answered(asset, kind):
            event = FeedbackReceived(
                feedback_id=derived_id("answer", number),
                kind=kind,
                incident="open-smb",
                at=now,
                threat_ids=(threat_id_of(raw(asset=ASSETS[asset])),),
            )
        case Walked():
            return partial(walk, now=now)
    return [Batch([event], is_lost=again, later=now - NOW)] * (2 if again else 1)


async def walk(tx: Transaction, *, now: datetime) -> None:
    await compact_reports(tx)
    await age_threats(tx, RULES, after=BEFORE_ALL, now=now)


@pytest.fixture(scope="module")
def rig(started: Start) -> Iterator[Rig]:
    with started("verifier", Rig(now=NOW, kept_tables=["incidents"])) as rig:
        yield rig


@examples(150)
@given(plan=PLANS, again=st.booleans())
def test_a_threat_lives_as_its_card_says(rig: Rig, plan: Plan, again: bool) -> None:
    cards, steps, now = Cards(), list[Work | list[Batch]](), NOW
    for number, (days, happening, is_looked_at) in enumerate(plan, start=1):
        now += days * DAY + timedelta(minutes=1)
        for each in (Walked(), happening) if is_looked_at else (happening,):
            cards.happen(each, now)
            steps.append(step_of(number, each, now, again=again))

    rows = rig.ending(*steps, compact_reports).rows

    assert {row["asset"]: lived(row) for row in rows["threats"]} == {
        raw(asset=ASSETS[asset]).key: noted(life) for asset, life in cards.lives.items()
    }
    assert {row["partner"]: (row["reported_at"], row["verified"], row["wrong"]) for row in rows["reports"]} == {
        partner: (reported_at, verified, cards.wrong.get(partner, 0))
        for partner, reported_at in cards.reported.items()
        if (verified := sum(partner in life.partners for life in cards.lives.values()))
    }


def worst(one: Severity, other: Severity) -> Severity:
    return min(one, other, key=tuple(Severity).index)


def lived(row: Row) -> tuple[object, ...]:
    closed = (row["closed_reason"], row["closed_at"]) if row["closed_at"] else None
    seen = (row["last_seen_at"], row["announced_at"], sorted(row["partners"]), row["sightings"])
    return *seen, row["quiet_at"] is not None, closed, row["reopenings"], tuple(Severity)[row["told_urgency"]]


def noted(life: Life) -> tuple[object, ...]:
    seen = (life.last_seen, life.announced, sorted(life.partners), life.sightings)
    return *seen, life.is_quiet, life.closed, life.reopenings, life.severity
