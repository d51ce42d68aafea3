"""`/v1/incidents`: the catalogue, and who approves what is in it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import IncidentState
from services.verifier import handlers
from services.verifier.api.incident_bodies import (
    IncidentChanges,
    IncidentView,
    IncidentWithEvidence,
    NewIncident,
    incident_view,
    incident_with_evidence_view,
)

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]


class Approval(BaseModel):
    """With `revision`, the incident as it was when it was read and no later one."""

    model_config = ConfigDict(extra="forbid")

    revision: int | None = Field(None, ge=1)


class MergeOrder(Approval):
    """Which other one it becomes a part of."""

    into: str = Field(max_length=100)


class PartOfIncident(NewIncident, Approval):
    """The new incident. Its `matches` are those that move, so the old one has to have them."""


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/incidents", tags=["incidents"])
    readers = [Depends(operator(at_least=Role.VIEWER))]

    @router.get("", dependencies=readers)
    async def list_incidents(
        state: IncidentState | None = None, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[IncidentView]:
        """In the order of their slugs."""
        after = read_cursor(cursor, tuple[str])[0] if cursor else ""
        async with database.transaction() as tx:
            chosen = await handlers.incidents_page(tx, state=state, after=after, limit=limit)
        following = encode_cursor(chosen[limit - 1].slug) if len(chosen) > limit else None
        return Page(items=[incident_view(incident) for incident in chosen[:limit]], next=following)

    @router.get("/{slug}", dependencies=readers)
    async def read_incident(slug: str) -> IncidentWithEvidence:
        """As it is now, with the texts in all its languages, and why it was opened where no person did."""
        async with database.transaction() as tx:
            return incident_with_evidence_view(*await handlers.incident_with_evidence(tx, slug))

    @router.post("", status_code=201, responses=refusals(409))
    async def write_incident(new: NewIncident, analyst: Analyst) -> IncidentView:
        """A new one is a draft: nobody is written to about it until it is approved."""
        async with database.transaction() as tx:
            return incident_view(await handlers.add_incident(tx, new.incident(author=analyst.name), now=database.now()))

    @router.patch("/{slug}", responses=refusals(409))
    async def edit_incident(slug: str, changes: IncidentChanges, analyst: Analyst) -> IncidentView:
        """Change what is given. Of one in force, what tells fewer people or less urgently counts at once; what tells
        more, sooner or something else is `proposed`, and counts once somebody else approves it.
        """
        async with database.transaction() as tx:
            changed = await handlers.change_incident(tx, slug, changes.changes(), by=analyst.name, now=database.now())
        return incident_view(changed)

    @router.post("/{slug}/approve", responses=refusals(409))
    async def approve(slug: str, approver: Approver, approval: Approval | None = None) -> IncidentView:
        """From now on mails go out about it, with what was proposed. Not by who wrote, proposed or merged."""
        async with database.transaction() as tx:
            approved = await handlers.approve_incident(
                tx,
                slug,
                by=approver.name,
                now=database.now(),
                read_revision=approval.revision if approval else None,
            )
        return incident_view(approved)

    @router.delete("/{slug}/proposed", responses=refusals(409))
    async def drop_proposal(slug: str, _: Analyst) -> IncidentView:
        """Take back what waits for an approver, whoever proposed or merged it. What is in force goes on as it is."""
        async with database.transaction() as tx:
            return incident_view(await handlers.drop_proposal(tx, slug, now=database.now()))

    @router.post("/{slug}/merge", responses=refusals(409))
    async def merge(slug: str, order: MergeOrder, analyst: Analyst) -> IncidentView:
        """Close it, and let the other recognise what it did; one in force does so once somebody has approved it."""
        async with database.transaction() as tx:
            grown = await handlers.merge_incident(
                tx, slug, into=order.into, by=analyst.name, now=database.now(), read_revision=order.revision
            )
        return incident_view(grown)

    @router.post("/{slug}/split", status_code=201, responses=refusals(409))
    async def split(slug: str, part: PartOfIncident, analyst: Analyst) -> IncidentView:
        """Make a draft of some of what it matches. With what is left of it, it goes on as it is."""
        async with database.transaction() as tx:
            draft = await handlers.split_incident(
                tx, slug, part.incident(author=analyst.name), now=database.now(), read_revision=part.revision
            )
        return incident_view(draft)

    return router
