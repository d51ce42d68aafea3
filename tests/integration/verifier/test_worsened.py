"""A threat that has become worse is told again at once, and what goes up and down only once for each step up."""

from datetime import datetime, timedelta

from libs.common.contracts import IndicatorSettled, ThreatVerified
from libs.common.db import Database
from libs.common.vocabulary import Outcome, Severity
from services.verifier.handlers import RulesInForce
from tests.integration.test_reopened import fix
from tests.integration.test_verifier import LATER, database, rules, verify
from tests.unit.verifier.builders import NOW, raw

__all__ = ["database", "rules"]

HIGH, CRITICAL = Severity.HIGH, Severity.CRITICAL


async def seen(
    database: Database, rules: RulesInForce, number: int, severity: Severity, *, now: datetime = NOW
) -> Outcome | Severity:
    """How it ends, or how bad what is told is; and the same when the record comes again."""
    record = raw(number, severity=severity, seen_at=now - timedelta(minutes=10))
    (first,) = await verify(database, rules, record, now=now)
    (again,) = await verify(database, rules, record, now=now + timedelta(minutes=1))
    assert again == first
    if isinstance(first, ThreatVerified):
        return first.severity
    assert isinstance(first, IndicatorSettled)
    return first.outcome


async def test_what_has_become_worse_is_told_at_once_and_not_for_each_up_and_down(
    database: Database, rules: RulesInForce
) -> None:
    told = [
        await seen(database, rules, number, severity, now=NOW + number * timedelta(hours=1))
        for number, severity in enumerate((HIGH, HIGH, CRITICAL, HIGH, CRITICAL, HIGH, CRITICAL), start=1)
    ]

    assert told == [HIGH, Outcome.DUPLICATE, CRITICAL, *[Outcome.DUPLICATE] * 4]


async def test_in_one_batch_each_step_up_is_told(database: Database, rules: RulesInForce) -> None:
    records = [raw(number, severity=each) for number, each in enumerate((HIGH, CRITICAL, HIGH, CRITICAL), start=1)]

    events = await verify(database, rules, *records)

    assert [type(event) is ThreatVerified for event in events] == [True, True, False, False]


async def test_once_reopened_it_may_become_worse_again(database: Database, rules: RulesInForce) -> None:
    (first,) = await verify(database, rules, raw(1, severity=CRITICAL))
    assert isinstance(first, ThreatVerified)
    await fix(database, first)

    assert await seen(database, rules, 2, HIGH, now=LATER + timedelta(hours=1)) is HIGH
    assert await seen(database, rules, 3, CRITICAL, now=LATER + timedelta(hours=2)) is CRITICAL
    assert await seen(database, rules, 4, CRITICAL, now=LATER + timedelta(hours=3)) is Outcome.DUPLICATE


async def test_of_what_was_told_before_this_was_kept_the_next_record_says_how_bad_it_is(
    database: Database, rules: RulesInForce
) -> None:
    await seen(database, rules, 1, HIGH)
    async with database.transaction() as tx:
        await tx.fetch("UPDATE threats SET told_urgency = NULL")

    assert await seen(database, rules, 2, HIGH, now=LATER) is Outcome.DUPLICATE
    assert await seen(database, rules, 3, CRITICAL, now=LATER) is CRITICAL
