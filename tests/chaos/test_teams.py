"""What is promised of the copies that teams get, and that the ledger tells when it is broken."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import pytest

from bench.feed import Kind, kind_of
from libs.common.ids import derived_id
from libs.common.vocabulary import Outcome
from tests.chaos.ledger import Books, _outcomes
from tests.chaos.owners import HANDED_OVER_NETWORKS, OWNERS, WARNED_TOO
from tests.chaos.partner import expected_outcomes
from tests.chaos.teams import Copy, Wanted, wrong_with_copies
from tests.chaos.ways import FIRST_OBJECT

RECORD, TARGET, MAIL, OTHER_MAIL = (derived_id(name) for name in ("record", "target", "mail", "other mail"))
COPY = Copy(RECORD, "in@team.example", TARGET, MAIL, is_continued=False)
WANTED = {(RECORD, "in@team.example")}
TOLD = {TARGET: {MAIL}}


@pytest.mark.parametrize(
    ("sent", "reported"),
    [
        pytest.param({MAIL}, TOLD, id="sent-and-there"),
        pytest.param(set(), {}, id="neither"),
        pytest.param(set(), TOLD, id="there-and-the-answer-lost"),
    ],
)
def test_what_is_promised_of_a_copy_is_not_wrong(sent: set[UUID], reported: Mapping[UUID, set[UUID]]) -> None:
    assert not list(wrong_with_copies([COPY], wanted=WANTED, sent=sent, reported=reported))


@pytest.mark.parametrize(
    ("made", "wanted", "reported", "says"),
    [
        pytest.param([], WANTED, TOLD, "that only attribution knows", id="not-made"),
        pytest.param([COPY], set(), TOLD, "that nobody wanted", id="not-wanted"),
        pytest.param([COPY, COPY], WANTED, TOLD, "copies twice", id="twice"),
        pytest.param([replace(COPY, notification_id=None)], WANTED, {}, "in no mail", id="not-mailed"),
        pytest.param([replace(COPY, is_continued=True)], WANTED, TOLD, "to somebody else", id="gone-on"),
        pytest.param([COPY], WANTED, {}, "did not arrive", id="lost"),
        pytest.param([COPY], WANTED, {TARGET: {MAIL, OTHER_MAIL}}, "in another mail", id="told-in-two-mails"),
    ],
)
def test_what_is_not_promised_of_a_copy_is_told(
    made: list[Copy], wanted: set[Wanted], reported: Mapping[UUID, set[UUID]], says: str
) -> None:
    [told] = wrong_with_copies(made, wanted=wanted, sent={MAIL}, reported=reported)
    assert says in told


def books_of(outcome: Outcome, *, handed_over: bool = False, taken_over: bool = False) -> Books:
    return Books(
        accepted={RECORD: outcome.value},
        targets={RECORD: outcome.value},
        handed_over={RECORD} if handed_over else set(),
        taken_over={RECORD: TARGET} if taken_over else {},
    )


@pytest.mark.parametrize(
    ("books", "expected"),
    [
        pytest.param(books_of(Outcome.NOTIFIED), Outcome.NOTIFIED, id="warned"),
        pytest.param(books_of(Outcome.FAILED), Outcome.NOTIFIED, id="to-be-warned-and-failed"),
        pytest.param(books_of(Outcome.OUT_OF_SCOPE, taken_over=True), Outcome.NOTIFIED, id="a-team-takes-over"),
        pytest.param(books_of(Outcome.OUT_OF_SCOPE, handed_over=True), Outcome.OUT_OF_SCOPE, id="handed-over"),
        pytest.param(books_of(Outcome.FAILED, handed_over=True), Outcome.OUT_OF_SCOPE, id="handed-over-and-failed"),
    ],
)
def test_an_outcome_is_that_of_whom_the_record_is_for(books: Books, expected: Outcome) -> None:
    assert not list(_outcomes(books, {expected.value: 1}))


@pytest.mark.parametrize(
    "books",
    [
        pytest.param(books_of(Outcome.OUT_OF_SCOPE), id="the-copys-outcome"),
        pytest.param(books_of(Outcome.NOTIFIED, handed_over=True), id="somebody-elses"),
    ],
)
def test_an_outcome_that_is_another_ones_is_told(books: Books) -> None:
    for expected in (Outcome.NOTIFIED, Outcome.OUT_OF_SCOPE):
        assert list(_outcomes(books, {expected.value: 1}))


def test_all_owners_of_whom_more_is_known_have_news_and_no_network_twice() -> None:
    assert {kind_of(owner.network) for owner in OWNERS} == {Kind.NEWS}
    assert max(Counter(owner.network for owner in OWNERS).values()) == 1
    both = [owner for owner in OWNERS if owner.criticality == WARNED_TOO]
    assert {(owner.is_gone, bool(owner.second)) for owner in both} == {(True, True), (True, False), (False, False)}
    assert {owner.team for owner in both} == {owner.team for owner in OWNERS if owner.is_handed_over}


def test_what_is_handed_over_counts_as_out_of_scope_wherever_it_came_from() -> None:
    handed_over = {network for network in HANDED_OVER_NETWORKS if network < 100}
    assert expected_outcomes(range(100), handed_over=HANDED_OVER_NETWORKS) == expected_outcomes(range(100)) + Counter(
        {"out-of-scope": len(handed_over)}
    ) - Counter({"notified": len(handed_over)})
    objects = range(FIRST_OBJECT, FIRST_OBJECT + 100)
    assert expected_outcomes((), objects=objects, handed_over=HANDED_OVER_NETWORKS) == {
        "out-of-scope": len(handed_over),
        "notified": 100 - len(handed_over),
    }
