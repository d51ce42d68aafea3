"""`/v1/partners/me/digest`: whether a partner wants a mail, every day or week, of what became of its records."""

from datetime import datetime
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.problems import not_found
from libs.common.security import Role
from libs.common.vocabulary import DigestCadence, Language
from services.intake.api.doors import Doors, Self, SelfOrOperator
from services.intake.handlers import digests
from services.intake.handlers.digests import Office, Subscribed

log = structlog.get_logger(__name__)


class DigestBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    digest: Literal[DigestCadence.DAILY, DigestCadence.WEEKLY] = Field(description="How often")
    digest_language: Language | None = Field(None, description="Left out: as it is, English at first")


class PeriodView(BaseModel):
    since: datetime
    until: datetime
    made_at: datetime
    told: bool = Field(description="Whether a mail came of it: none does when there is nothing to tell")


class DigestView(BaseModel):
    digest: DigestCadence
    digest_language: Language
    email: str = Field(description="Where it goes: the contact that is agreed with us")
    next_at: datetime | None = Field(description="When the period that runs now ends")
    last: PeriodView | None = Field(description="The last period that is done")


def routes(office: Office, doors: Doors) -> APIRouter:
    router = APIRouter(prefix="/v1/partners/{whose}/digest", tags=["digests"])
    _add_routes(
        router, office, Depends(SelfOrOperator(doors, Role.AUDITOR)), Depends(SelfOrOperator(doors, Role.ADMIN))
    )
    return router


def _add_routes(router: APIRouter, office: Office, reading: object, changing: object) -> None:
    @router.get("")
    async def show_digest(whose: Annotated[Self, reading]) -> DigestView:
        """Whether the partner wants one, when the next is due, and what became of the last."""
        async with office.database.transaction() as tx:
            return _view(await digests.subscription_of(tx, whose.partner_id))

    @router.put("")
    async def set_digest(body: DigestBody, whose: Annotated[Self, changing]) -> DigestView:
        """The first one comes when the period that runs now ends."""
        async with office.database.transaction() as tx:
            subscribed = await digests.subscribe(
                tx, office, whose.partner_id, cadence=body.digest, language=body.digest_language
            )
        log.info("digest set", partner=str(whose.partner_id), digest=body.digest.value, by=whose.by)
        return _view(subscribed)

    @router.delete("", status_code=204)
    async def end_digest(whose: Annotated[Self, changing]) -> None:
        """No more of them. One that is on its way already still comes."""
        async with office.database.transaction() as tx:
            subscribed = await digests.subscribe(tx, office, whose.partner_id, cadence=DigestCadence.NONE)
        if subscribed is None:
            raise not_found("partner")
        log.info("digest ended", partner=str(whose.partner_id), by=whose.by)


def _view(subscribed: Subscribed | None) -> DigestView:
    if subscribed is None:
        raise not_found("partner")
    partner, last = subscribed.partner, subscribed.last
    return DigestView(
        digest=partner.digest,
        digest_language=partner.digest_language,
        email=partner.contact_email,
        next_at=partner.digest_due_at,
        last=PeriodView(since=last.since, until=last.until, made_at=last.made_at, told=last.digest_id is not None)
        if last
        else None,
    )
