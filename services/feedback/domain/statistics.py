"""Public numbers, without the small ones."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

import msgspec

from libs.common.vocabulary import Language, RecipientKind


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many notifications left in a month (its first day, UTC) for one incident and kind of recipient."""

    month: date
    incident: str
    category: str
    recipient_kind: RecipientKind
    notifications: int


class RatingSum(msgspec.Struct, frozen=True, kw_only=True):
    """The ratings of one incident, added up."""

    incident: str
    count: int
    useful: int
    clear: int


class Ratings(msgspec.Struct, frozen=True):
    """How many ratings, and their means from 1 to 5; nothing where there are too few."""

    count: int | None = None
    useful: float | None = None
    clear: float | None = None


Shown = Mapping[str, int | None]
"""Counts by name; None where a number is not shown."""


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody may know. Months are `YYYY-MM`, oldest first; the rest has the largest first.

    What was handed over to national and sector teams warned nobody, so it is only in `handed_over_total`; that is None
    where it is small.
    """

    notifications_total: int
    handed_over_total: int | None
    by_month: Shown
    by_incident: Shown
    by_category: Shown
    by_recipient_kind: Shown
    ratings: Ratings
    ratings_by_incident: Mapping[str, Ratings]
    titles: Mapping[str, Mapping[Language, str]]


def statistics(
    tallies: Sequence[Tally],
    sums: Sequence[RatingSum],
    *,
    titles: Mapping[str, Mapping[Language, str]],
    small_number: int,
) -> Statistics:
    """Add up and leave out. The total is always shown: of whom it consists, nobody can tell from it."""
    warnings = [tally for tally in tallies if tally.recipient_kind is not RecipientKind.NATIONAL_CERT]
    warned = sum(tally.notifications for tally in warnings)
    handed_over = sum(tally.notifications for tally in tallies) - warned

    def by(name_of: Callable[[Tally], str]) -> Shown:
        return shown(_counted(warnings, name_of), small_number=small_number)

    return Statistics(
        notifications_total=warned,
        handed_over_total=None if 0 < handed_over < small_number else handed_over,
        by_month=dict(sorted(by(lambda tally: f"{tally.month:%Y-%m}").items())),
        by_incident=by(lambda tally: tally.incident),
        by_category=by(lambda tally: tally.category),
        by_recipient_kind=by(lambda tally: tally.recipient_kind.value),
        ratings=_ratings(sums, small_number=small_number),
        ratings_by_incident=_ratings_by_incident(sums, small_number=small_number),
        titles=titles,
    )


def shown(counts: Mapping[str, int], *, small_number: int) -> Shown:
    """`counts`, largest first, without those below `small_number`.

    The total is public, so what is hidden can be had by subtraction: as long as the hidden ones are a single number or
    add up to a small one, the next smallest is hidden too (statisticians call it secondary suppression).
    """
    ascending = sorted(counts.items(), key=lambda item: (item[1], item[0]))
    hidden = [name for name, count in ascending if count < small_number]
    for name, _ in ascending[len(hidden) :]:
        if not hidden or (len(hidden) > 1 and sum(counts[each] for each in hidden) >= small_number):
            break
        hidden.append(name)
    return {name: None if name in hidden else count for name, count in reversed(ascending)}


def _counted(tallies: Iterable[Tally], name_of: Callable[[Tally], str]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for tally in tallies:
        counts[name_of(tally)] += tally.notifications
    return counts


def _ratings_by_incident(sums: Sequence[RatingSum], *, small_number: int) -> Mapping[str, Ratings]:
    counts = shown({one.incident: one.count for one in sums}, small_number=small_number)
    by_incident = {one.incident: one for one in sums}
    return {
        incident: Ratings() if count is None else _ratings((by_incident[incident],), small_number=small_number)
        for incident, count in counts.items()
    }


def _ratings(sums: Sequence[RatingSum], *, small_number: int) -> Ratings:
    count = sum(one.count for one in sums)
    if count < small_number:
        return Ratings()
    return Ratings(
        count=count,
        useful=round(sum(one.useful for one in sums) / count, 1),
        clear=round(sum(one.clear for one in sums) / count, 1),
    )
