"""What is lost is named, and what is only under way is not: for every order of events and every moment of looking."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.books import Backlog, Reading, SubmissionCounts, Waiting
from libs.common.ids import new_id
from libs.common.vocabulary import Outcome
from services.intake.domain.reconciliation.accounts import Account, Own
from services.intake.domain.reconciliation.differences import (
    Difference,
    Kind,
    Mails,
    compare,
    compare_mails,
    differences,
)
from services.intake.domain.reconciliation.timetable import Timetable
from services.intake.domain.reconciliation.words import sentence
from services.intake.domain.submissions import Status

SUBMISSION = new_id()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def counts(passed_on: int = 0, *, waiting: int = 0, **ended: int) -> SubmissionCounts:
    """`ended` by outcome, with underscores for hyphens; what waits is planned."""
    return SubmissionCounts(
        submission_id=SUBMISSION,
        passed_on=passed_on,
        ended={outcome.replace("_", "-"): records for outcome, records in ended.items()},
        waiting=(Waiting("planned", waiting, NOON),) if waiting else (),
    )


def own(*, status: Status = Status.DONE, dead_letters: int = 0, given_up: int = 0, **outcomes: int) -> Own:
    return Own(
        submission_id=SUBMISSION,
        status=status,
        outcomes=outcomes,
        counted=outcomes,
        dead_letters=dead_letters,
        given_up=given_up,
    )


def account(
    known: Own | None,
    verifier: SubmissionCounts,
    attribution: SubmissionCounts | None = None,
    notifier: SubmissionCounts | None = None,
) -> Account:
    return Account(
        submission_id=SUBMISSION,
        own=known,
        accepted=known.accepted if known else 0,
        verifier=verifier,
        attribution=attribution or counts(),
        notifier=notifier or counts(),
    )


ALL_WELL = account(
    own(refuted=1, held=1, unattributable=1, notified=3, pending=2),
    counts(6, refuted=1, held=1),
    counts(5, unattributable=1),
    counts(notified=3, waiting=2),
)


def said(*found: Difference) -> list[tuple[Kind, str, int, int]]:
    return [(each.kind, each.border or each.outcome, each.expected, each.found) for each in found]


def found_in(later: Account, *, earlier: Account | None = None) -> list[tuple[Kind, str, int, int]]:
    return said(*differences(earlier or later, later))


def test_books_that_agree_have_no_difference() -> None:
    assert found_in(ALL_WELL) == []


def test_a_record_that_was_handed_on_and_is_not_there_is_missing_at_its_border() -> None:
    lost = msgspec.structs.replace(ALL_WELL.notifier, ended={"notified": 3}, waiting=(Waiting("planned", 1, NOON),))
    found = found_in(account(ALL_WELL.own, ALL_WELL.verifier, ALL_WELL.attribution, lost))
    assert found == [(Kind.MISSING, "attribution → notifier", 5, 4)]


def test_what_arrives_between_two_looks_was_never_missing() -> None:
    earlier = account(own(pending=3), counts(1, refuted=1))
    later = account(own(pending=1, refuted=1, unattributable=1), counts(2, refuted=1), counts(1, unattributable=1))
    assert found_in(later, earlier=earlier) == [], "one more came to the verifier since, and may go on later"


def test_what_was_handed_on_at_the_first_look_has_to_be_there_at_the_second() -> None:
    earlier = account(own(pending=3), counts(2, refuted=1))
    later = account(own(pending=2, refuted=1), counts(2, refuted=1), counts(unattributable=1))
    assert found_in(later, earlier=earlier) == [(Kind.MISSING, "verifier → attribution", 2, 1)]


def test_more_than_was_handed_on_is_too_many() -> None:
    found = found_in(account(own(refuted=2), counts(refuted=3)))
    assert (Kind.TOO_MANY, "intake → verifier", 2, 3) in found


def test_an_outcome_that_was_said_and_not_heard_is_named() -> None:
    assert found_in(account(own(refuted=1, pending=1), counts(refuted=2))) == [(Kind.UNHEARD, "refuted", 2, 1)]


def test_an_outcome_that_nobody_said_is_named() -> None:
    assert found_in(account(own(refuted=2), counts(refuted=1, expired=1))) == [
        (Kind.UNFOUNDED, "refuted", 1, 2),
        (Kind.UNHEARD, "expired", 1, 0),
    ]


def test_a_decision_of_a_person_is_known_to_the_services_before_intake_hears_what_came_of_it() -> None:
    decided = account(own(held=1), counts(1), counts(1), counts(waiting=1))
    assert found_in(decided) == []


def test_a_dead_letter_explains_why_a_record_is_missing_and_only_one() -> None:
    dead = account(own(held=1, dead_letters=1), counts(1), counts())
    assert found_in(dead) == []
    two = account(own(held=1, pending=1, dead_letters=1), counts(2), counts())
    assert found_in(two) == [(Kind.MISSING, "verifier → attribution", 2, 0)]


def test_what_intake_gave_up_on_nobody_behind_it_needs_to_know() -> None:
    assert found_in(account(own(status=Status.FAILED, held=3, given_up=3), counts())) == []


def test_a_receipt_that_counts_other_than_its_records_is_named() -> None:
    wrong = Own(
        submission_id=SUBMISSION, status=Status.DONE, outcomes={"refuted": 2}, counted={"refuted": 1, "expired": 1}
    )
    found = found_in(account(wrong, counts(refuted=2)))
    assert found == [(Kind.MISCOUNTED, "expired", 0, 1), (Kind.MISCOUNTED, "refuted", 2, 1)]


def test_a_submission_that_intake_does_not_know_is_named() -> None:
    assert found_in(account(None, counts(4, refuted=1), counts(4), counts(notified=4))) == [(Kind.UNKNOWN, "", 0, 5)]


def test_what_is_missing_is_open_until_all_was_at_rest() -> None:
    lost = account(own(refuted=1, pending=1), counts(1, refuted=2))
    open_yet = compare(lost, lost, at_rest=False)
    assert said(*open_yet.proven) == [(Kind.TOO_MANY, "intake → verifier", 2, 3)]
    assert {each.kind for each in open_yet.open} == {Kind.MISSING, Kind.UNHEARD}
    decided = compare(lost, lost, at_rest=True)
    assert {each.kind for each in decided.proven} == {Kind.MISSING, Kind.UNHEARD, Kind.TOO_MANY}
    assert decided.open == ()


def test_what_intake_still_reads_is_under_way_to_the_verifier_and_no_further() -> None:
    reading = account(own(status=Status.PROCESSING, pending=5), counts(3))
    found = compare(reading, reading, at_rest=True)
    assert said(*found.proven) == [(Kind.MISSING, "verifier → attribution", 3, 0)]
    assert said(*found.open) == [(Kind.MISSING, "intake → verifier", 5, 3)]


def test_mails_are_compared_by_day() -> None:
    sent = Mails(known={MONDAY: 2}, sent={MONDAY: 2})
    later = Mails(known={MONDAY: 2}, sent={MONDAY: 2, TUESDAY: 1})
    assert said(*compare_mails(sent, later, at_rest=True).proven) == []
    assert said(*compare_mails(sent, later, at_rest=True).open) == [(Kind.MISSING, "notifier → feedback", 1, 0)]
    assert said(*compare_mails(later, later, at_rest=True).proven) == [(Kind.MISSING, "notifier → feedback", 1, 0)]
    strange = Mails(known={MONDAY: 1}, sent={})
    assert said(*compare_mails(strange, strange, at_rest=False).proven) == [
        (Kind.TOO_MANY, "notifier → feedback", 0, 1)
    ]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_sentence_that_says_how_many(kind: Kind) -> None:
    difference = Difference(
        kind=kind, expected=1204, found=1200, submission_id=SUBMISSION, border="intake → verifier", outcome="refuted"
    )
    assert sentence(difference).startswith(f"Submission {SUBMISSION}: ")
    assert "1,200" in sentence(difference)


STEPS = ("accepted", "judged", "attributed", "planned", "said", "heard")
"""How far a record has come."""


class Flow:
    """Records of one submission on their ways, each with the step after which it ends and the one that it has reached.

    `lost`: records that go no further than they are, whatever happens.
    """

    def __init__(self, ways: list[tuple[int, Outcome]]) -> None:
        self.ways = ways
        self.reached = [0] * len(ways)
        self.lost: set[int] = set()

    def step(self, record: int) -> None:
        """On: to the next service, or to what intake hears, past the services that it does not need."""
        if record in self.lost:
            return
        last, reached = self.ways[record][0], self.reached[record]
        self.reached[record] = 4 if reached == last else min(reached + 1, 5)

    def rest(self) -> None:
        for record in range(len(self.ways)):
            for _ in STEPS:
                self.step(record)

    def own(self) -> Own:
        outcomes = Counter(
            outcome.value if reached == 5 else "pending"
            for (_, outcome), reached in zip(self.ways, self.reached, strict=True)
        )
        return Own(submission_id=SUBMISSION, status=Status.DONE, outcomes=outcomes, counted=outcomes)

    def counts(self, service: int) -> SubmissionCounts:
        heard = [
            (last, outcome) for record, (last, outcome) in enumerate(self.ways) if self._has_come_to(record, service)
        ]
        ended = Counter(outcome.value.replace("-", "_") for last, outcome in heard if last == service)
        return counts(sum(last > service for last, _ in heard), **ended)

    def _has_come_to(self, record: int, service: int) -> bool:
        last, reached = self.ways[record][0], self.reached[record]
        return service <= last and min(reached, last) >= service


ENDS = {
    1: (Outcome.REFUTED, Outcome.EXPIRED, Outcome.DUPLICATE, Outcome.OUT_OF_SCOPE),
    2: (Outcome.UNATTRIBUTABLE, Outcome.OUT_OF_SCOPE),
    3: (Outcome.NOTIFIED, Outcome.FAILED, Outcome.SUPPRESSED),
}
WAYS = st.sampled_from([(step, outcome) for step, outcomes in ENDS.items() for outcome in outcomes])


def look(flow: Flow, between: st.DataObject) -> Account:
    """As the reconciler looks: against the flow, while records go on between any two readings."""

    def go_on() -> None:
        for record in between.draw(st.lists(st.integers(0, len(flow.ways) - 1), max_size=4)):
            flow.step(record)

    known = flow.own()
    go_on()
    notifier = flow.counts(3)
    go_on()
    attribution = flow.counts(2)
    go_on()
    verifier = flow.counts(1)
    go_on()
    return account(known, verifier, attribution, notifier)


def decided(flow: Flow, between: st.DataObject) -> tuple[Difference, ...]:
    """As the reconciler decides: it looks until nothing is open."""
    earlier = look(flow, between)
    for _ in range(3):
        flow.rest()
        later = look(flow, between)
        found = compare(earlier, later, at_rest=True)
        if not found.open:
            return found.proven
        earlier = later
    raise AssertionError("nothing moves any more, and yet nothing is decided")


@given(ways=st.lists(WAYS, min_size=1, max_size=8), data=st.data())
def test_whatever_moves_while_we_look_nothing_is_called_lost_that_is_not(
    ways: list[tuple[int, Outcome]], data: st.DataObject
) -> None:
    assert decided(Flow(ways), data) == ()


@given(ways=st.lists(WAYS, min_size=1, max_size=8), data=st.data())
def test_a_record_that_goes_no_further_is_always_missed(ways: list[tuple[int, Outcome]], data: st.DataObject) -> None:
    flow = Flow(ways)
    lost = data.draw(st.integers(0, len(ways) - 1))
    for _ in range(data.draw(st.integers(0, 4))):
        flow.step(lost)
    flow.reached[lost] = min(flow.reached[lost], 4)
    flow.lost.add(lost)
    found = decided(flow, data)
    assert {each.kind for each in found} & {Kind.MISSING, Kind.UNHEARD}


def reading(read: int, end: int) -> Reading:
    return Reading("raw-indicator", 0, read, end)


@pytest.mark.parametrize(
    ("now", "has_read"), [(reading(4, 9), False), (reading(5, 9), True), (reading(9, 9), True)], ids=str
)
def test_a_service_is_past_a_mark_when_it_has_read_what_there_was_then(now: Reading, has_read: bool) -> None:
    mark = Backlog(readings=(reading(3, 5),), outbox_first=None, outbox_last=None)
    assert Backlog(readings=(now,), outbox_first=None, outbox_last=None).has_read(mark) is has_read


@pytest.mark.parametrize(("first", "has_sent"), [(None, True), (8, True), (7, False), (3, False)])
def test_an_outbox_is_past_a_mark_when_what_lay_in_it_has_left(first: int | None, has_sent: bool) -> None:
    mark = Backlog(readings=(), outbox_first=5, outbox_last=7)
    now = Backlog(readings=(), outbox_first=first, outbox_last=None if first is None else 20)
    assert now.has_sent(mark) is has_sent


def test_the_books_are_compared_once_after_the_hour_has_struck() -> None:
    timetable = Timetable(3, started_at=NOON)
    night = NOON.replace(day=3, hour=3, minute=1)
    assert not timetable.is_due(None, now=NOON + timedelta(hours=1)), "a new system waits for its first night"
    assert timetable.is_due(None, now=night)
    assert not timetable.is_due(night, now=night + timedelta(hours=23))
    assert timetable.is_due(night, now=night + timedelta(hours=24))
    assert timetable.is_due(NOON - timedelta(days=3), now=NOON), "also when it was not running at that hour"
