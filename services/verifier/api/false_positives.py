"""`/v1/false-positives`: what is known to be wrong."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.storable import StorableTime
from services.verifier import handlers
from services.verifier.domain import FalsePositive

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]


class FalsePositiveBody(BaseModel):
    """A finding that is wrong at an asset; without `identifier`, every finding there."""

    model_config = ConfigDict(extra="forbid")

    asset: str = Field(min_length=1, max_length=2048, description="In canonical form, as verdicts and threats show it")
    identifier: str | None = Field(None, max_length=200)
    reason: str = Field(min_length=3, max_length=500)
    expires_at: StorableTime


class FalsePositiveView(FalsePositiveBody):
    """`threat_id` is set where a recipient said so: only that threat is wrong, not all that is found at the asset."""

    id: UUID
    threat_id: UUID | None


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/false-positives", tags=["false positives"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def list_false_positives(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[FalsePositiveView]:
        """All entries, those that have expired as well."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            entries = await handlers.false_positives_page(tx, after=after, limit=limit)
        following = encode_cursor(entries[limit - 1][0]) if len(entries) > limit else None
        return Page(items=[_view(number, entry) for number, entry in entries[:limit]], next=following)

    @router.post("", status_code=201)
    async def add_false_positive(body: FalsePositiveBody, analyst: Analyst) -> FalsePositiveView:
        """From now on such a finding is refuted, until the entry expires."""
        entry = FalsePositive(
            asset=body.asset, identifier=body.identifier, reason=body.reason, expires_at=body.expires_at
        )
        async with database.transaction() as tx:
            number = await handlers.remember_false_positive(tx, entry, by=analyst.name, now=database.now())
        return _view(number, entry)

    @router.delete("/{false_positive_id}", status_code=204)
    async def forget_false_positive(false_positive_id: UUID, _: Analyst) -> None:
        """Such a finding counts again."""
        async with database.transaction() as tx:
            await handlers.forget_false_positive(tx, false_positive_id)

    return router


def _view(number: UUID, entry: FalsePositive) -> FalsePositiveView:
    return FalsePositiveView(id=number, **msgspec.to_builtins(entry))
