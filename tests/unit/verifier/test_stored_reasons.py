"""Reasons come back from their text as they were, also from that of earlier releases."""

from datetime import UTC, datetime
from functools import singledispatch
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bench.events import raw_indicators
from services.verifier.domain import Catalogue, Reason, judge_all
from services.verifier.domain.values import CheckResult
from services.verifier.handlers.shipped import read_shipped
from services.verifier.store.reasons import MOST_KEPT, ReasonsWriter, read_reasons, written
from services.verifier.store.verdicts import row_of
from tests.unit.verifier.builders import NOTHING_KNOWN, RULES

COMPRESSED_FROM_BYTES = 2_000

FRESH = Reason("fresh", CheckResult.PASS, 0.0, "seen within 14 days")
REFUTED = Reason("review", CheckResult.FAIL, 1.0, "decided by anna")
DOUBTED = Reason("consistent", CheckResult.WARN, 0.51, "open-smb at port 22, which is that of open-ssh")
DECIDED = Reason("review", CheckResult.PASS, 1.0, "decided by anna")
SKIPPED = Reason("exploited", CheckResult.SKIP, 0.0, "the record names no vulnerability")

reasons = st.lists(
    st.builds(
        Reason,
        check=st.from_regex(r"[a-z]+(-[a-z]+)*", fullmatch=True),
        result=st.sampled_from(CheckResult),
        weight=st.floats(0.0, 1.0),
        detail=st.text(),
    )
).map(tuple)


def test_marks_stand_for_results_and_only_unusual_weights_are_written() -> None:
    found = written((FRESH, REFUTED, DOUBTED, DECIDED, SKIPPED))

    heads = msgspec.json.decode(found)[::2]
    assert heads == ["+fresh", "!review", "~0.51 consistent", "+1.0 review", "-exploited"]


@given(reasons)
def test_what_is_read_is_what_was_written(found: tuple[Reason, ...]) -> None:
    assert read_reasons(written(found)) == found


@given(reasons)
def test_what_was_stored_as_arrays_of_four_is_read(found: tuple[Reason, ...]) -> None:
    assert read_reasons(msgspec.json.encode(found).decode()) == found


def test_the_writer_tells_reasons_apart_however_many_there_were() -> None:
    writer = ReasonsWriter()
    for number in range(2 * MOST_KEPT + 1):
        each = (FRESH, Reason("fresh", CheckResult.PASS, 0.0, f"seen within {number} days"))
        assert writer.text_of(each) == written(each)
        assert writer.text_of((FRESH,)) == written((FRESH,))


def test_a_usual_row_is_too_small_to_be_compressed() -> None:
    now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    rules = msgspec.structs.replace(RULES, catalogue=Catalogue(read_shipped()), allow_documentation_ranges=True)
    judgements = judge_all(list(raw_indicators(500, now)), NOTHING_KNOWN, rules, now)

    assert max(sum(map(_stored_bytes, row_of(judgement))) for judgement in judgements) < COMPRESSED_FROM_BYTES


@singledispatch
def _stored_bytes(value: object) -> int:
    """What PostgreSQL needs for a value: eight bytes for times and numbers, and nothing for what is not there."""
    return 0 if value is None else 8


@_stored_bytes.register
def _(text: str) -> int:
    return len(text.encode()) + 4


@_stored_bytes.register
def _(_: UUID) -> int:
    return 16
