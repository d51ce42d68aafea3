"""Lists by keyset: a page, and an opaque cursor to the next one; never an offset."""

import base64
import binascii
from typing import Annotated, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from libs.common.problems import Problem

T = TypeVar("T")
C = TypeVar("C")

PageLimit = Annotated[int, Query(ge=1, le=500, description="How many at most")]
PageCursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


class Page(BaseModel, Generic[T]):
    """One page of a list; `next` is null on the last."""

    items: list[T]
    next: str | None = None


def encode_cursor(*values: object) -> str:
    """The place behind a page's last item, as its sort key says it."""
    return base64.urlsafe_b64encode(msgspec.json.encode([str(value) for value in values])).decode().rstrip("=")


def read_cursor(text: str, shape: type[C]) -> C:
    """The values in a cursor, a tuple of `shape`; raises a 400 problem for one that is not ours."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.convert(msgspec.json.decode(raw), shape, strict=False)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Problem(
            400, "bad-cursor", "This cursor is not one of ours", "Take `next` of the page before, unchanged."
        ) from error
