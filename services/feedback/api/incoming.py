"""`/v1/incoming`: what came back by mail, for the desk: complaints and questions want a person's look."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import Permanence, ReturnKind, Trust
from services.feedback import handlers
from services.feedback.domain.feedback import Place
from services.feedback.domain.incoming.returned import Returned


class IncomingMail(BaseModel):
    """A mail that came back. `trust` says how it is known which of ours it is about; without, nobody acts on it."""

    model_config = ConfigDict(from_attributes=True)

    return_id: UUID
    received_at: datetime
    kind: ReturnKind
    trust: Trust
    notification_id: UUID | None
    reference: str
    address: str = Field(description="Whom a bounce or complaint is about; may be one that ours was forwarded to")
    permanence: Permanence | None
    code: str
    detail: str = Field(description="Words of a mail server or of a person: untrusted, escape it where you show it")
    size_bytes: int


def routes(*, database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/incoming", tags=["feedback"])

    @router.get("")
    async def list_incoming(
        _: Annotated[Operator, Depends(operator(at_least=Role.VIEWER))],
        kind: ReturnKind | None = None,
        cursor: PageCursor = None,
        limit: PageLimit = 50,
    ) -> Page[IncomingMail]:
        """Newest first."""
        before = Place(*read_cursor(cursor, tuple[datetime, UUID])) if cursor else None
        async with database.transaction() as tx:
            found = await handlers.list_incoming(tx, kind=kind, before=before, limit=limit + 1)
        return _page(found, limit=limit)

    return router


def _page(found: Sequence[Returned], *, limit: int) -> Page[IncomingMail]:
    """`found` holds one more than the page, if there is more."""
    items = [IncomingMail.model_validate(each) for each in found[:limit]]
    more = encode_cursor(items[-1].received_at.isoformat(), items[-1].return_id) if len(found) > limit else None
    return Page(items=items, next=more)
