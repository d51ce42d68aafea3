"""Ids that are made from others: the same for the same, and in the order of what they are made from."""

from uuid import UUID, uuid4

from libs.common.ids import new_id, record_id, records_between, sibling_id
from libs.common.vocabulary import Outcome


def test_a_records_id_is_the_same_at_every_reading() -> None:
    submission_id = new_id()
    assert record_id(submission_id, 7) == record_id(UUID(str(submission_id)), 7)


def test_ids_of_records_sort_by_submission_and_then_by_record() -> None:
    early, late = UUID(int=1 << 80), UUID(int=2 << 80)
    in_order = [record_id(submission, record) for submission in (early, late) for record in (1, 2, 300, 2**31)]
    assert sorted(in_order) == in_order


def test_a_records_id_says_that_it_is_of_version_8() -> None:
    made = record_id(new_id(), 2**32 - 1)
    assert (made.version, made.variant) == (8, uuid4().variant)


def test_two_submissions_of_one_millisecond_share_no_id() -> None:
    moment = new_id().int >> 64 << 64
    submissions = [UUID(int=moment | number) for number in range(1000)]
    assert len({record_id(submission, 1) for submission in submissions}) == 1000


def test_siblings_differ_from_each_other_and_lie_beside_their_cause() -> None:
    indicator, next_one = (record_id(UUID(int=1 << 80), record) for record in (1, 2))
    kinds = ["target", "threat-verified", "target-attributed", *(f"indicator-settled {outcome}" for outcome in Outcome)]
    siblings = {sibling_id(indicator, kind) for kind in kinds}
    assert len(siblings | {indicator}) == len(kinds) + 1
    assert all(sibling < next_one for sibling in siblings)


def test_all_ids_of_a_submission_lie_in_its_range() -> None:
    submission_id = new_id()
    least, greatest = records_between(submission_id)
    made = [record_id(submission_id, record) for record in (0, 1, 2**32 - 1)]
    assert all(least <= each <= greatest for each in [*made, *(sibling_id(each, "target") for each in made)])
