"""`/v1/statistics`: what came of it."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.common.db import Database
from libs.common.security import Role, operator
from libs.common.storable import StorableTime
from services.verifier import handlers
from services.verifier.domain import Remediation

Since = Annotated[
    StorableTime | None, Query(description="Threats first warned of from then on; without it, within the last year")
]


class RemediationView(BaseModel):
    """Of an incident, or with null of all. The four that follow `warned` sum to it."""

    incident: str | None
    warned: int = Field(description="Threats that somebody was warned of")
    remediated: int = Field(description="Said to be fixed, or not seen again while the feed reports, after the warning")
    still_seen: int = Field(description="Seen after the first warning, and not remediated")
    wrong: int = Field(description="The recipient says that it is none")
    unknown: int = Field(description="Not seen since: its feed has stopped, or it is too early to say")
    median_days: float | None = Field(
        description="From the first warning to being said fixed, or else to being seen for the last time"
    )


class RemediationsView(BaseModel):
    """By incident, by slug, and all together."""

    since: datetime
    items: list[RemediationView]
    total: RemediationView


def routes(database: Database) -> APIRouter:
    router = APIRouter(
        prefix="/v1/statistics", tags=["statistics"], dependencies=[Depends(operator(at_least=Role.VIEWER))]
    )

    @router.get("/remediation")
    async def show_remediation(
        incident: Annotated[str | None, Query(max_length=100)] = None, since: Since = None
    ) -> RemediationsView:
        """What became of the threats that somebody was warned of. Tests do not count."""
        async with database.transaction() as tx:
            begin, found = await handlers.remediation(tx, incident=incident, since=since, now=database.now())
        *by_incident, total = map(_view, found)
        return RemediationsView(since=begin, items=by_incident, total=total)

    return router


def _view(found: Remediation) -> RemediationView:
    return RemediationView(**msgspec.structs.asdict(found))
