"""A cursor comes back from outside, so it may hold anything."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.paging import MAX_BIGINT, encode_cursor, read_cursor
from libs.common.problems import Problem

AT = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)


def test_a_cursor_is_read_as_it_was_written() -> None:
    assert read_cursor(encode_cursor(AT.isoformat(), UUID(int=7)), tuple[datetime, UUID]) == (AT, UUID(int=7))
    assert read_cursor(encode_cursor("a-slug"), tuple[str]) == ("a-slug",)
    assert read_cursor(encode_cursor(MAX_BIGINT), tuple[int]) == (MAX_BIGINT,)


@pytest.mark.parametrize(
    ("cursor", "shape"),
    [
        ("é", tuple[str]),
        ("A", tuple[str]),
        ("%%%", tuple[str]),
        (encode_cursor("a", "b"), tuple[str]),
        (encode_cursor("a\0b"), tuple[str]),
        (encode_cursor(MAX_BIGINT + 1), tuple[int]),
        (encode_cursor(-(10**30)), tuple[int]),
        (encode_cursor("2026-03-01T04:05:06", UUID(int=7)), tuple[datetime, UUID]),
        (encode_cursor("0001-01-01T00:00:00+23:00", UUID(int=7)), tuple[datetime, UUID]),
        (encode_cursor("9999-12-31T23:59:59-23:00", UUID(int=7)), tuple[datetime, UUID]),
        (urlsafe_b64encode(b'["\xed\xa0\x80"]').decode(), tuple[str]),
        (urlsafe_b64encode(b'["\\ud800"]').decode(), tuple[str]),
        (urlsafe_b64encode(300 * b"[").decode(), tuple[str]),
    ],
)
def test_what_is_no_place_behind_an_item_is_no_cursor(cursor: str, shape: type[tuple[object, ...]]) -> None:
    with pytest.raises(Problem) as refused:
        read_cursor(cursor, shape)

    assert (refused.value.status, refused.value.code) == (400, "bad-cursor")


@given(
    cursor=st.text() | st.binary().map(lambda raw: urlsafe_b64encode(raw).decode()),
    shape=st.sampled_from([tuple[str], tuple[int], tuple[UUID], tuple[datetime, UUID]]),
)
def test_any_text_is_a_cursor_or_refused(cursor: str, shape: type[tuple[object, ...]]) -> None:
    with suppress(Problem):
        assert len(read_cursor(cursor, shape)) > 0
