"""Whatever comes twice or in another order: each record has the same outcome in the end, and is counted once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from libs.common.contracts import Event, IndicatorSettled
from libs.common.db import Transaction
from libs.common.ids import derived_id
from libs.common.vocabulary import Outcome
from tests.integration.deliveries.conftest import Start
from tests.integration.deliveries.rig import Ending, Rig
from tests.integration.deliveries.schedules import Batch, Batches, examples, in_any_order

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBMISSION = derived_id("submission", "of these tests")
HISTORIES = {
    1: [Outcome.DUPLICATE],
    2: [Outcome.HELD, Outcome.NOTIFIED],
    3: [Outcome.UNATTRIBUTABLE, Outcome.SUPPRESSED],
    4: [Outcome.HELD, Outcome.UNATTRIBUTABLE, Outcome.NOTIFIED],
    5: [Outcome.HELD, Outcome.UNATTRIBUTABLE],
    6: [],
}
"""What the services say of each record, one after the other: a person may have decided in between."""

CONTRADICTION = [Outcome.NOTIFIED, Outcome.FAILED]


def news(record: int, outcomes: list[Outcome]) -> Iterator[IndicatorSettled]:
    for minute, outcome in enumerate(outcomes):
        yield IndicatorSettled(
            indicator_id=derived_id("indicator", record),
            submission_id=SUBMISSION,
            record=record,
            outcome=outcome,
            reason=f"reason of {outcome}",
            message="Because.",
            at=NOW + timedelta(minutes=minute),
            by="somebody",
        )


NEWS: list[Event] = [event for record, outcomes in HISTORIES.items() for event in news(record, outcomes)]


@pytest.fixture(scope="module")
def rig(started: Start) -> Iterator[Rig]:
    with started("intake", Rig(now=NOW)) as rig:
        yield rig


async def accept(tx: Transaction) -> None:
    """Six records of one submission, none of which has an outcome."""
    records = "INSERT INTO records (submission_id, record, outcome, at) SELECT $1, number, 'pending', $2 FROM "
    await tx.fetch(records + "generate_series(1, 6) AS number", SUBMISSION, NOW)
    await tx.fetch("INSERT INTO submission_counts VALUES ($1, 'pending', 6)", SUBMISSION)


def counts(ending: Ending) -> dict[object, object]:
    return {row["outcome"]: row["records"] for row in ending.rows["submission_counts"] if row["records"]}


@pytest.fixture(scope="module")
def in_order(rig: Rig) -> Ending:
    return rig.ending(accept, [Batch(NEWS)])


def test_in_order_each_record_has_the_last_outcome_that_was_told(in_order: Ending) -> None:
    told = {row["record"]: row["outcome"] for row in in_order.rows["records"]}
    assert told == {record: (outcomes or [Outcome.PENDING])[-1] for record, outcomes in HISTORIES.items()}


@examples(40)
@given(batches=in_any_order(NEWS))
def test_the_same_outcomes_in_any_order_and_number_are_kept_and_counted_once(
    rig: Rig, in_order: Ending, batches: Batches
) -> None:
    ending = rig.ending(accept, batches)
    assert ending.rows["records"] == in_order.rows["records"]
    assert counts(ending) == counts(in_order)
    assert ending.rows["outcome_conflicts"] == []


@examples(20)
@given(batches=in_any_order(list(news(1, CONTRADICTION))))
def test_of_two_final_outcomes_the_first_to_come_stands_and_the_other_is_noted_once(rig: Rig, batches: Batches) -> None:
    first = next(event for batch in batches for event in batch.events if isinstance(event, IndicatorSettled))

    ending = rig.ending(accept, batches)

    assert counts(ending) == {"pending": 5, first.outcome: 1}
    assert [(row["kept"], row["refused"]) for row in ending.rows["outcome_conflicts"]] == [
        (first.outcome, next(each for each in CONTRADICTION if each != first.outcome))
    ]


def test_an_outcome_of_a_record_that_is_not_stored_is_passed_over_and_settles_it_when_it_comes_again(
    rig: Rig,
) -> None:
    (outcome,) = news(1, [Outcome.NOTIFIED])

    assert rig.ending([Batch([outcome])]).rows["records"] == []
    assert counts(rig.ending([Batch([outcome])], accept, [Batch([outcome])])) == {"pending": 5, "notified": 1}
