"""Checks on the times of a record."""

from datetime import datetime, timedelta
from functools import lru_cache

from services.verifier.domain.checks.findings import doubted, failed, passed
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason

CLOCK_TOLERANCE = timedelta(hours=1)
OLDEST_PLAUSIBLE_YEAR = 2000
FIRST_AFTER_LAST_WEIGHT = 0.2

PLAUSIBLE = passed("plausible", "its times can be true")


def plausible(case: Case, _: Rules, now: datetime) -> Reason:
    """Its times can be true: not in the future, not before the year 2000, first not after last."""
    seen_at, first_seen_at = case.event.indicator.seen_at, case.event.indicator.first_seen_at
    if seen_at > now + CLOCK_TOLERANCE:
        return failed("plausible", f"seen at {seen_at:%Y-%m-%d %H:%M} UTC, which is in the future")
    if seen_at.year < OLDEST_PLAUSIBLE_YEAR:
        return failed("plausible", f"seen in {seen_at.year}")
    if first_seen_at is not None and first_seen_at > seen_at + CLOCK_TOLERANCE:
        return doubted("plausible", FIRST_AFTER_LAST_WEIGHT, "first seen after it was last seen")
    return PLAUSIBLE


def fresh(case: Case, rules: Rules, now: datetime) -> Reason:
    """It is recent enough to be still so, for its category."""
    category = case.event.indicator.category
    age, limit = now - case.event.indicator.seen_at, rules.max_age(category)
    if age > limit:
        return failed("fresh", f"seen {age.days} days ago; {category} is news for {limit.days} days")
    return _seen_within(limit.days)


@lru_cache
def _seen_within(days: int) -> Reason:
    return passed("fresh", f"seen within {days} days")
