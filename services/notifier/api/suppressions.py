"""`/v1/suppressions`: who is not written to."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, Field, model_validator

from libs.common.addresses import canonical_domain, canonical_email
from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, page_of, read_cursor
from libs.common.problems import Problem, not_found
from libs.common.security import Operator, Role, operator
from libs.common.storable import StorableTime
from services.notifier.api.views import place_of
from services.notifier.domain.planning import (
    ORGANISATION,
    StoredSuppression,
    Suppression,
    SuppressionReason,
    of_organisation,
)
from services.notifier.handlers.commands import suppress
from services.notifier.handlers.looking import end_suppression, newest_suppressions

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]


def _address_or_domain(value: str) -> str:
    if not value:
        return value
    canonical = canonical_email(value) if "@" in value else canonical_domain(value)
    if canonical is None:
        raise ValueError("neither a mail address nor a domain")
    return canonical.lower()


class SuppressionOrder(BaseModel):
    """Whom: an address, a domain, an organisation; or anybody, about one incident."""

    value: Annotated[str, AfterValidator(_address_or_domain)] = Field(
        "", max_length=320, description="A mail address, or a domain with its subdomains"
    )
    organisation_id: UUID | None = Field(None, description="All contacts of this organisation, in place of a `value`")
    incident: str = Field("", max_length=100, description="Only about this incident; empty: about anything")
    reason: SuppressionReason = SuppressionReason.OPERATOR
    note: str = Field("", max_length=500, description="Why, in words")
    until: StorableTime | None = Field(None, description="It ends by itself then; null: when somebody ends it")

    @model_validator(mode="after")
    def _says_whom(self) -> Self:
        if self.value and self.organisation_id:
            raise ValueError("either a value or an organisation_id")
        if not (self.value or self.organisation_id or self.incident):
            raise ValueError("a value, an organisation_id or an incident")
        return self

    @property
    def suppression(self) -> Suppression:
        value = of_organisation(self.organisation_id) if self.organisation_id else self.value
        return Suppression(value=value, reason=self.reason, incident=self.incident, until=self.until)


class SuppressionView(BaseModel):
    id: UUID
    value: str = Field(description="Empty for an organisation, and for what is about an incident whoever it goes to")
    organisation_id: UUID | None
    incident: str
    reason: SuppressionReason
    note: str
    until: datetime | None
    created_at: datetime
    created_by: str
    ended_at: datetime | None = Field(description="When somebody ended it before its time")
    ended_by: str | None


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_suppressions(
        ended: Annotated[bool, Query(description="Those that have ended, in place of those in force")] = False,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[SuppressionView]:
        """Newest first."""
        before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await newest_suppressions(tx, before=before, limit=limit + 1, ended=ended, now=database.now())
        return page_of(found, limit, view=_view, place=place_of)

    @router.post("", status_code=201)
    async def add_suppression(order: SuppressionOrder, by: Analyst) -> SuppressionView:
        """What waits for it is suppressed too; with the reason `undeliverable` or `bounced` it goes to somebody else.

        One that is there already stays, unless it would end before this one.
        """
        now = database.now()
        if order.until is not None and order.until <= now:
            raise Problem(422, "already-over", "This suppression would have ended already", "`until` is in the past.")
        async with database.transaction() as tx:
            return _view(await suppress(tx, order.suppression, note=order.note, by=by.name, now=now))

    @router.delete("/{suppression_id}", status_code=204)
    async def remove_suppression(suppression_id: UUID, by: Analyst) -> None:
        """End it now: from now on mail goes there again; what was suppressed stays so."""
        async with database.transaction() as tx:
            if not await end_suppression(tx, suppression_id, by=by.name, now=database.now()):
                raise not_found("suppression")

    return router


def _view(stored: StoredSuppression) -> SuppressionView:
    value = stored.suppression.value
    organisation_id = value.removeprefix(ORGANISATION) if value.startswith(ORGANISATION) else None
    return SuppressionView(
        id=stored.id,
        value="" if organisation_id else value,
        organisation_id=UUID(organisation_id) if organisation_id else None,
        incident=stored.suppression.incident,
        reason=stored.suppression.reason,
        note=stored.note,
        until=stored.suppression.until,
        created_at=stored.created_at,
        created_by=stored.created_by,
        ended_at=stored.ended_at,
        ended_by=stored.ended_by,
    )
