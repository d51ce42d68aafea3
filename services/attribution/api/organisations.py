"""`/v1/organisations`: who can be warned."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import not_found
from libs.common.security import Role, operator
from libs.common.text import plain
from libs.common.vocabulary import Language
from services.attribution.api.views import refuse
from services.attribution.domain.organisations import Criticality, OrganisationProfile, OrganisationRecord
from services.attribution.handlers import (
    Refusal,
    add_organisation,
    change_organisation,
    organisation_of,
    organisations_page,
    remove_organisation,
)

VIEWER = Depends(operator(at_least=Role.VIEWER))
ANALYST = Depends(operator(at_least=Role.ANALYST))
LONGEST_NAME = 200
CAN_BE_EMPTY = frozenset({"kvk_number", "sector"})


def _one_line(text: str) -> str:
    cleaned = plain(text, LONGEST_NAME)
    if not cleaned:
        raise ValueError("has no visible character")
    return cleaned


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_one_line)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="ISO 3166")]
KvkNumber = Annotated[str, Field(pattern="^[0-9]{8}$", description="Eight digits, leading zeros included")]


class OrganisationBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    country: Country
    language: Language = Language.DUTCH
    criticality: Criticality = Criticality.NONE
    other_names: list[Name] = Field(default=[], max_length=50)
    kvk_number: KvkNumber | None = None
    sector: Name | None = None


class OrganisationChange(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    country: Country | None = None
    language: Language | None = None
    criticality: Criticality | None = None
    other_names: list[Name] | None = Field(None, max_length=50)
    kvk_number: KvkNumber | None = None
    sector: Name | None = None


class OrganisationView(OrganisationBody):
    organisation_id: UUID
    created_at: datetime
    updated_at: datetime


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/organisations", tags=["organisations"])
    _reading_routes(router, database)
    _changing_routes(router, database)
    return router


def _reading_routes(router: APIRouter, database: Database) -> None:
    @router.get("", dependencies=[VIEWER])
    async def list_organisations(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[OrganisationView]:
        """In the order in which they were added."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await organisations_page(tx, after=after, limit=limit)
        following = encode_cursor(found[limit - 1].organisation_id) if len(found) > limit else None
        return Page(items=[_view(record) for record in found[:limit]], next=following)

    @router.get("/{organisation_id}", dependencies=[VIEWER])
    async def read_organisation(organisation_id: UUID) -> OrganisationView:
        """One organisation; its assets and contacts are lists of their own."""
        async with database.transaction() as tx:
            record = await organisation_of(tx, organisation_id)
        return _view(record)


def _changing_routes(router: APIRouter, database: Database) -> None:
    @router.post("", status_code=201, dependencies=[ANALYST], responses=refusals(409))
    async def post_organisation(body: OrganisationBody, response: Response) -> OrganisationView:
        """Add one; what is theirs and whom to write comes after, by its id."""
        async with database.transaction() as tx:
            added = await add_organisation(_profile(body), tx=tx, now=database.now())
            if isinstance(added, Refusal):
                refuse(added, what="organisation")
        response.headers["Location"] = f"/v1/organisations/{added.organisation_id}"
        return _view(added)

    @router.patch("/{organisation_id}", dependencies=[ANALYST], responses=refusals(409))
    async def patch_organisation(organisation_id: UUID, change: OrganisationChange) -> OrganisationView:
        """Change what is given; `null` empties what can be empty."""
        async with database.transaction() as tx:
            record = await organisation_of(tx, organisation_id, locked=True)
            profile = _changed(record, change)
            changed = await change_organisation(organisation_id, profile, tx=tx, now=database.now())
            if isinstance(changed, Refusal):
                refuse(changed, what="organisation")
        return _view(changed)

    @router.delete("/{organisation_id}", status_code=204, dependencies=[ANALYST])
    async def delete_organisation(organisation_id: UUID) -> None:
        """With its assets, its contacts, and what was learnt of it."""
        async with database.transaction() as tx:
            if not await remove_organisation(organisation_id, tx=tx, now=database.now()):
                raise not_found("organisation")


def _profile(body: OrganisationBody) -> OrganisationProfile:
    return OrganisationProfile(
        name=body.name,
        country=body.country,
        language=body.language,
        criticality=body.criticality,
        other_names=tuple(body.other_names),
        kvk_number=body.kvk_number,
        sector=body.sector,
    )


def _changed(record: OrganisationRecord, change: OrganisationChange) -> OrganisationProfile:
    """`null` empties what can be empty; elsewhere it means the same as leaving it out."""
    said = change.model_dump(exclude_unset=True)
    given = {field: value for field, value in said.items() if value is not None or field in CAN_BE_EMPTY}
    kept = _view(record).model_dump(include=set(OrganisationBody.model_fields))
    return _profile(OrganisationBody(**(kept | given)))


def _view(record: OrganisationRecord) -> OrganisationView:
    profile = record.profile
    return OrganisationView(
        organisation_id=record.organisation_id,
        name=profile.name,
        country=profile.country,
        language=profile.language,
        criticality=profile.criticality,
        other_names=list(profile.other_names),
        kvk_number=profile.kvk_number,
        sector=profile.sector,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
