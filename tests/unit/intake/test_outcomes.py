"""Which news of a record's outcome changes what we know."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import IndicatorSettled
from libs.common.vocabulary import REVIEW_UNDONE, Outcome
from services.intake.domain.outcomes import Standing, count_changes, settle

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBMISSION = UUID(int=7)
FINAL = [outcome for outcome in Outcome if outcome not in {Outcome.PENDING, Outcome.HELD, Outcome.UNATTRIBUTABLE}]


def news(outcome: Outcome, *, record: int = 1, minutes: int = 5) -> IndicatorSettled:
    return IndicatorSettled(
        indicator_id=UUID(int=record),
        submission_id=SUBMISSION,
        record=record,
        outcome=outcome,
        reason="because",
        message="Because.",
        at=NOON + timedelta(minutes=minutes),
        by="verifier",
    )


def standing(outcome: Outcome | str) -> dict[tuple[UUID, int], Standing]:
    return {(SUBMISSION, 1): Standing(str(outcome), NOON)}


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PENDING])
def test_a_pending_record_takes_any_outcome(outcome: Outcome) -> None:
    settlement = settle([news(outcome, minutes=-5)], standing(Outcome.PENDING))

    change = settlement.changes[SUBMISSION, 1]
    assert (change.previous.outcome, change.news.outcome) == ("pending", outcome)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_same_outcome_again_changes_nothing(outcome: Outcome) -> None:
    settlement = settle([news(outcome, minutes=0)], standing(outcome))

    assert not settlement.changes
    assert not settlement.conflicts


def test_what_a_person_refuted_may_be_taken_back_and_then_ends_otherwise() -> None:
    undone = msgspec.structs.replace(news(Outcome.HELD), reason=REVIEW_UNDONE)
    notified = news(Outcome.NOTIFIED, minutes=9)

    settlement = settle([undone, notified], standing(Outcome.REFUTED))

    assert settlement.changes[SUBMISSION, 1].news is notified
    assert not settlement.conflicts


@pytest.mark.parametrize(
    ("kept", "reason", "minutes"),
    [(Outcome.REFUTED, REVIEW_UNDONE, -5), (Outcome.REFUTED, "incident", 5), (Outcome.NOTIFIED, REVIEW_UNDONE, 5)],
)
def test_nothing_else_takes_a_final_outcome_back(kept: Outcome, reason: str, minutes: int) -> None:
    late = msgspec.structs.replace(news(Outcome.HELD, minutes=minutes), reason=reason)

    assert not settle([late], standing(kept)).changes


@pytest.mark.parametrize("kept", FINAL)
def test_a_second_different_final_outcome_is_a_conflict_and_the_first_stands(kept: Outcome) -> None:
    other = Outcome.NOTIFIED if kept is not Outcome.NOTIFIED else Outcome.FAILED

    settlement = settle([news(other)], standing(kept))

    assert not settlement.changes
    assert [(conflict.kept, conflict.news.outcome) for conflict in settlement.conflicts] == [(kept, other)]


@pytest.mark.parametrize("revisable", [Outcome.HELD, Outcome.UNATTRIBUTABLE])
@pytest.mark.parametrize("decided", FINAL)
def test_a_person_may_decide_on_what_was_held_or_unattributable(revisable: Outcome, decided: Outcome) -> None:
    settlement = settle([news(decided)], standing(revisable))

    assert settlement.changes[SUBMISSION, 1].news.outcome is decided


def test_held_that_comes_again_after_a_person_decided_changes_nothing() -> None:
    settlement = settle([news(Outcome.HELD, minutes=-5)], standing(Outcome.NOTIFIED))

    assert not settlement.changes
    assert not settlement.conflicts


def test_held_that_comes_again_does_not_undo_a_later_unattributable() -> None:
    settlement = settle([news(Outcome.HELD, minutes=-5)], standing(Outcome.UNATTRIBUTABLE))

    assert not settlement.changes


def test_held_once_more_is_not_undone_by_what_was_said_in_between() -> None:
    batch = [news(Outcome.HELD, minutes=3), news(Outcome.HELD, minutes=5), news(Outcome.UNATTRIBUTABLE, minutes=4)]

    settlement = settle(batch, standing(Outcome.PENDING))

    assert settlement.changes[SUBMISSION, 1].news == batch[1]


def test_held_then_verified_by_a_person_may_end_as_unattributable() -> None:
    settlement = settle([news(Outcome.UNATTRIBUTABLE)], standing(Outcome.HELD))

    assert settlement.changes[SUBMISSION, 1].news.outcome is Outcome.UNATTRIBUTABLE


def test_a_record_that_was_rejected_takes_no_outcome() -> None:
    settlement = settle([news(Outcome.NOTIFIED)], standing("rejected"))

    assert not settlement.changes
    assert len(settlement.conflicts) == 1


def test_news_of_a_record_that_we_never_had_is_counted_and_dropped() -> None:
    settlement = settle([news(Outcome.NOTIFIED, record=99)], standing(Outcome.PENDING))

    assert settlement.unknown == 1
    assert not settlement.changes


def test_two_steps_of_one_record_in_a_batch_make_one_change() -> None:
    settlement = settle([news(Outcome.HELD), news(Outcome.NOTIFIED, minutes=6)], standing(Outcome.PENDING))

    change = settlement.changes[SUBMISSION, 1]
    assert (change.previous.outcome, change.news.outcome) == ("pending", Outcome.NOTIFIED)


@given(
    st.lists(
        st.builds(
            news,
            st.sampled_from(Outcome),
            record=st.integers(1, 5),
            minutes=st.integers(-5, 5),
        )
    )
)
def test_counts_always_sum_to_the_records_that_there_are(batch: list[IndicatorSettled]) -> None:
    standings = {(SUBMISSION, record): Standing("pending", NOON) for record in range(1, 6)}

    settlement = settle(batch, standings)
    growth = count_changes(
        (key[0], change.previous.outcome, change.news.outcome) for key, change in settlement.changes.items()
    )

    assert sum(growth.values()) == 0
    assert all(records <= 5 for records in growth.values())


@given(st.lists(st.builds(news, st.sampled_from(Outcome), minutes=st.integers(-5, 5))))
def test_the_same_batch_again_changes_nothing_more(batch: list[IndicatorSettled]) -> None:
    standings = standing(Outcome.PENDING)
    first = settle(batch, standings).changes.get((SUBMISSION, 1))
    if first is None:
        return
    after = {(SUBMISSION, 1): Standing(first.news.outcome.value, first.news.at)}

    assert not settle(batch, after).changes
