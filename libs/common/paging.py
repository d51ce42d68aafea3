"""Lists by keyset: a page, and an opaque cursor to the next one; never an offset."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from libs.common.problems import Problem
from libs.common.storable import NUL

MAX_BIGINT = 2**63 - 1

F = TypeVar("F")
T = TypeVar("T")
C = TypeVar("C", bound=tuple[object, ...])

PageLimit = Annotated[int, Query(ge=1, le=500, description="How many at most")]
PageCursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


class Page(BaseModel, Generic[T]):
    """One page of a list; `next` is null on the last."""

    items: list[T]
    next: str | None = None


def page_of(
    found: Sequence[F], limit: int, *, view: Callable[[F], T], place: Callable[[F], tuple[object, ...]]
) -> Page[T]:
    """The page of what was found: one more than `limit` where there is more. `place` is an item's sort key."""
    following = encode_cursor(*place(found[limit - 1])) if len(found) > limit else None
    return Page(items=[view(each) for each in found[:limit]], next=following)


def encode_cursor(*values: object) -> str:
    """The place behind a page's last item, as its sort key says it."""
    return base64.urlsafe_b64encode(msgspec.json.encode([str(value) for value in values])).decode().rstrip("=")


def read_cursor(text: str, shape: type[C]) -> C:
    """The values in a cursor, a tuple of `shape`; raises a 400 problem for one that is not ours."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        values = msgspec.convert(msgspec.json.decode(raw), shape, strict=False)
        _require_storable(values)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Problem(
            400, "bad-cursor", "This cursor is not one of ours", "Take `next` of the page before, unchanged."
        ) from error
    return values


def _require_storable(values: Iterable[object]) -> None:
    """Raise ValueError for what no column holds, and so was never the place behind an item."""
    for value in values:
        match value:
            case str() if NUL in value:
                raise ValueError("U+0000")
            case int() if not -MAX_BIGINT <= value <= MAX_BIGINT:
                raise ValueError("more than 64 bits")
            case datetime() if value.tzinfo is None or value.year in (MINYEAR, MAXYEAR):
                raise ValueError("a time of no zone, or of no time")
