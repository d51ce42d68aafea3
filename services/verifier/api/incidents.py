"""`/v1/incidents`: the catalogue, and who approves what is in it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.contracts import Advisory
from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import IncidentState, Language, Severity
from services.verifier import handlers
from services.verifier.domain import Incident, Matches

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]
Words = Annotated[list[str], Field(max_length=500)]
OPT_IN = "Told only to those who have registered the asset with us"


class AdvisoryBody(BaseModel):
    """What a recipient reads, in one language. Paragraphs are parted by an empty line."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=5, max_length=90)
    what: str = Field(min_length=20, max_length=4000)
    why: str = Field(min_length=20, max_length=4000)
    check: list[str] = Field(min_length=1, max_length=12)
    act: list[str] = Field(min_length=1, max_length=12)
    otherwise: str = Field(min_length=10, max_length=4000)
    sources: list[str] = Field(min_length=1, max_length=12)

    def advisory(self) -> Advisory:
        return msgspec.convert(self.model_dump(), Advisory)


class MatchesBody(BaseModel):
    """What the incident recognises; any one hit is enough."""

    model_config = ConfigDict(extra="forbid")

    cve_ids: Words = []
    identifiers: Words = []
    malware_names: Words = []
    tags: Words = []
    categories: Words = []

    def matches(self) -> Matches:
        return msgspec.convert(self.model_dump(), Matches)


class NewIncident(BaseModel):
    """An incident as a person writes it; it starts as a draft."""

    model_config = ConfigDict(extra="forbid")

    slug: str = Field(pattern="^[a-z0-9][a-z0-9-]{1,79}$")
    category: str = Field(pattern="^[a-z-]{2,40}/[a-z0-9-]{2,40}$")
    severity: Severity
    cve_ids: Words = []
    opt_in: bool = Field(False, description=OPT_IN)
    matches: MatchesBody
    advisory: dict[Language, AdvisoryBody] = Field(min_length=1)


class IncidentChanges(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    category: str | None = Field(None, pattern="^[a-z-]{2,40}/[a-z0-9-]{2,40}$")
    severity: Severity | None = None
    state: IncidentState | None = None
    cve_ids: Words | None = None
    opt_in: bool | None = Field(None, description=OPT_IN)
    matches: MatchesBody | None = None
    advisory: dict[Language, AdvisoryBody] | None = Field(None, min_length=1)

    def changes(self) -> dict[str, object]:
        """By field of `Incident`, in its types."""
        given: dict[str, object] = {
            "category": self.category,
            "severity": self.severity,
            "state": self.state,
            "cve_ids": tuple(self.cve_ids) if self.cve_ids is not None else None,
            "opt_in": self.opt_in,
            "matches": self.matches.matches() if self.matches else None,
            "advisory": _advisories(self.advisory) if self.advisory else None,
        }
        return {name: value for name, value in given.items() if value is not None}


class Approval(BaseModel):
    """What is approved: with `revision`, the incident as it was when it was read and no later one."""

    model_config = ConfigDict(extra="forbid")

    revision: int | None = Field(None, ge=1)


class IncidentView(BaseModel):
    """An incident as it is now. `title` is the Dutch one, or else any."""

    slug: str
    title: str
    category: str
    severity: Severity
    state: IncidentState
    cve_ids: list[str]
    opt_in: bool = Field(description=OPT_IN)
    matches: MatchesBody
    advisory: dict[Language, AdvisoryBody]
    revision: int
    author: str
    approver: str | None


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
        return Page(items=[_view(incident) for incident in chosen[:limit]], next=following)

    @router.get("/{slug}", dependencies=readers)
    async def read_incident(slug: str) -> IncidentView:
        """As it is now, with the texts in all its languages."""
        async with database.transaction() as tx:
            return _view(await handlers.incident_called(tx, slug))

    @router.post("", status_code=201, responses=refusals(409))
    async def write_incident(new: NewIncident, analyst: Analyst) -> IncidentView:
        """A new one is a draft: nobody is written to about it until it is approved."""
        incident = Incident(
            slug=new.slug,
            category=new.category,
            severity=new.severity,
            state=IncidentState.DRAFT,
            cve_ids=tuple(new.cve_ids),
            opt_in=new.opt_in,
            matches=new.matches.matches(),
            advisory=_advisories(new.advisory),
            author=analyst.name,
        )
        async with database.transaction() as tx:
            return _view(await handlers.add_incident(tx, incident, now=database.now()))

    @router.patch("/{slug}", responses=refusals(409))
    async def edit_incident(slug: str, changes: IncidentChanges, analyst: Analyst) -> IncidentView:
        """Change what is given. Other texts, other matches or other readers (`opt_in`) make it a draft again."""
        async with database.transaction() as tx:
            changed = await handlers.change_incident(tx, slug, changes.changes(), by=analyst.name, now=database.now())
        return _view(changed)

    @router.post("/{slug}/approve", responses=refusals(409))
    async def approve(slug: str, approver: Approver, approval: Approval | None = None) -> IncidentView:
        """From now on mails go out about it. Not by who wrote it."""
        async with database.transaction() as tx:
            approved = await handlers.approve_incident(
                tx,
                slug,
                by=approver.name,
                now=database.now(),
                read_revision=approval.revision if approval else None,
            )
        return _view(approved)

    return router


def _advisories(bodies: dict[Language, AdvisoryBody]) -> dict[Language, Advisory]:
    return {language: body.advisory() for language, body in bodies.items()}


def _view(incident: Incident) -> IncidentView:
    return IncidentView.model_validate({**msgspec.to_builtins(incident), "title": incident.title(Language.DUTCH)})
