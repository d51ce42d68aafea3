"""Checks on the times of a record."""

from datetime import datetime, timedelta
from functools import lru_cache

from libs.common.contracts import Indicator
from services.verifier.domain.checks.findings import doubted, failed, passed
from services.verifier.domain.products import KnownProduct, Products
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason

CLOCK_TOLERANCE = timedelta(hours=1)
OLDEST_PLAUSIBLE_YEAR = 2000
STRANGE_BEGINNING_WEIGHT = 0.2

PLAUSIBLE = passed("plausible", "its times can be true")


def plausible(case: Case, rules: Rules, now: datetime) -> Reason:
    """Its times can be true: not in the future, not before the year 2000, not before there was such a product, first
    not after last. It is only doubtful if it is first seen at such a time.
    """
    seen_at, first_seen_at = case.event.indicator.seen_at, case.event.indicator.first_seen_at
    product = rules.products.known_as(case.event.indicator.product)
    if seen_at > now + CLOCK_TOLERANCE:
        return failed("plausible", f"seen at {seen_at:%Y-%m-%d %H:%M} UTC, which is in the future")
    if seen_at.year < OLDEST_PLAUSIBLE_YEAR:
        return failed("plausible", f"seen in {seen_at.year}")
    if product is not None and seen_at.date() < product.since:
        return failed("plausible", f"seen on {seen_at:%Y-%m-%d}, {_before(product)}")
    if first_seen_at is None:
        return PLAUSIBLE
    if first_seen_at > seen_at + CLOCK_TOLERANCE:
        return doubted("plausible", STRANGE_BEGINNING_WEIGHT, "first seen after it was last seen")
    if first_seen_at.year < OLDEST_PLAUSIBLE_YEAR:
        return doubted("plausible", STRANGE_BEGINNING_WEIGHT, f"first seen in {first_seen_at.year}")
    if product is not None and first_seen_at.date() < product.since:
        said = f"first seen on {first_seen_at:%Y-%m-%d}, {_before(product)}"
        return doubted("plausible", STRANGE_BEGINNING_WEIGHT, said)
    return PLAUSIBLE


def _before(product: KnownProduct) -> str:
    return f"before there was a {product.called}: its first version is of {product.first_released}"


def first_seen(indicator: Indicator, products: Products) -> datetime:
    """When it was first seen as far as that can be believed, else when it was last seen."""
    said = indicator.first_seen_at
    if said is None or said > indicator.seen_at or said.year < OLDEST_PLAUSIBLE_YEAR:
        return indicator.seen_at
    product = products.known_as(indicator.product)
    return said if product is None or said.date() >= product.since else indicator.seen_at


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
