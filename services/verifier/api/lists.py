"""What the lists that are brought in have in common at the edge."""

from datetime import datetime, timedelta
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from libs.common.http_api import bounded_body
from libs.common.security import Operator, Role, operator
from services.verifier.domain.lists import MAX_LIST_BYTES, Edition

Admin = Annotated[Operator, Depends(operator(at_least=Role.ADMIN))]
S = TypeVar("S", bound=str)


class EditionFields(BaseModel):
    """Of which day a list is, and who brought it in."""

    made_at: datetime = Field(description="As its publisher says")
    entries: int
    imported_at: datetime
    imported_by: str
    is_stale: bool


def edition_fields(edition: Edition[S], *, now: datetime, greatest_age: timedelta) -> EditionFields:
    return EditionFields(
        made_at=edition.made_at,
        entries=edition.entries,
        imported_at=edition.imported_at,
        imported_by=edition.imported_by,
        is_stale=edition.is_stale(now, greatest_age=greatest_age),
    )


async def body_of(request: Request) -> bytes:
    """The list as it came; raises a 413 problem for more than anybody publishes."""
    return b"".join([chunk async for chunk in bounded_body(request, max_bytes=MAX_LIST_BYTES)])
