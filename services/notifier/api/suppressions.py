"""`/v1/suppressions`: who is not written to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, Field

from libs.common.addresses import canonical_domain, canonical_email
from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import not_found
from libs.common.security import Operator, Role, operator
from services.notifier.domain.planning import StoredSuppression, Suppression, SuppressionReason
from services.notifier.handlers.commands import suppress
from services.notifier.handlers.looking import delete_suppression, newest_suppressions

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]


def _address_or_domain(value: str) -> str:
    canonical = canonical_email(value) if "@" in value else canonical_domain(value)
    if canonical is None:
        raise ValueError("neither a mail address nor a domain")
    return canonical.lower()


class SuppressionOrder(BaseModel):
    value: Annotated[str, AfterValidator(_address_or_domain)] = Field(
        max_length=320, description="A mail address, or a domain with its subdomains"
    )
    incident: str = Field("", max_length=100, description="Only about this incident; empty: about anything")
    reason: SuppressionReason = SuppressionReason.OPERATOR
    note: str = Field("", max_length=500)


class SuppressionView(BaseModel):
    id: UUID
    value: str
    incident: str
    reason: SuppressionReason
    note: str
    created_at: datetime
    created_by: str


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_suppressions(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[SuppressionView]:
        """Newest first."""
        before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await newest_suppressions(tx, before=before, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return Page(
            items=[_view(stored) for stored in found[:limit]],
            next=encode_cursor(last.created_at.isoformat(), last.id) if last else None,
        )

    @router.post("", status_code=201)
    async def add_suppression(order: SuppressionOrder, by: Analyst) -> SuppressionView:
        """What waits for this address or domain is suppressed too. One that is there already stays as it is."""
        suppression = Suppression(value=order.value, reason=order.reason, incident=order.incident)
        async with database.transaction() as tx:
            return _view(await suppress(tx, suppression, note=order.note, by=by.name, now=database.now()))

    @router.delete("/{suppression_id}", status_code=204)
    async def remove_suppression(suppression_id: UUID, by: Analyst) -> None:
        """From now on mail goes there again; what was suppressed stays so."""
        async with database.transaction() as tx:
            if not await delete_suppression(tx, suppression_id):
                raise not_found("suppression")

    return router


def _view(stored: StoredSuppression) -> SuppressionView:
    return SuppressionView(
        id=stored.id,
        value=stored.suppression.value,
        incident=stored.suppression.incident,
        reason=stored.suppression.reason,
        note=stored.note,
        created_at=stored.created_at,
        created_by=stored.created_by,
    )
