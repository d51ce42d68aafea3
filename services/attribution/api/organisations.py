"""`/v1/organisations`: who can be warned."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.text import plain
from libs.common.vocabulary import Language
from services.attribution.api.views import refuse
from services.attribution.domain.numbers import COMPANY_NUMBER, is_company_number, is_sector
from services.attribution.domain.organisations import (
    Criticality,
    CriticalitySource,
    OrganisationProfile,
    OrganisationRecord,
)
from services.attribution.handlers import (
    Refusal,
    add_organisation,
    change_organisation,
    organisation_of,
    organisations_page,
    remove_organisation,
)

VIEWER = Depends(operator(at_least=Role.VIEWER))
Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
LONGEST_NAME = 200
MOST_NAMES, MOST_NUMBERS = 500, 50
SECTOR = "A code with its scheme and version, `sbi-2008:56101`; words are kept, and route nothing"
CAN_BE_EMPTY = frozenset({"kvk_number", "sector"})
LISTS = frozenset({"other_names", "company_numbers"})


def _foreign(number: str) -> str:
    if not is_company_number(number):
        raise ValueError("is a Dutch one; it belongs into kvk_number")
    return number


def _one_line(text: str) -> str:
    cleaned = plain(text, LONGEST_NAME)
    if not cleaned:
        raise ValueError("has no visible character")
    return cleaned


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_one_line)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="ISO 3166")]
CompanyNumber = Annotated[
    str,
    Field(pattern=f"^{COMPANY_NUMBER.pattern}$", description="`BE:0123456789`; a Dutch one is `kvk_number`"),
    AfterValidator(_foreign),
]
KvkNumber = Annotated[str, Field(pattern="^[0-9]{8}$", description="Eight digits, leading zeros included")]


def _code_or_words(text: str) -> str:
    if not is_sector(text):
        raise ValueError("is not a code like sbi-2008:56101")
    return text


Sector = Annotated[Name, AfterValidator(_code_or_words)]


OnlySelfRegistered = Annotated[
    bool | None, Query(description="Only those that have (or, `false`, have not) registered by themselves")
]


class OrganisationBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    country: Country
    language: Language = Language.DUTCH
    criticality: Criticality = Criticality.NONE
    criticality_source: CriticalitySource = Field(
        CriticalitySource.REGISTERED, description="Who says so; what is `derived` hands nothing over by itself"
    )
    other_names: list[Name] = Field(default=[], max_length=MOST_NAMES)
    kvk_number: KvkNumber | None = None
    company_numbers: list[CompanyNumber] = Field(default=[], max_length=MOST_NUMBERS)
    sector: Sector | None = Field(None, description=SECTOR)


class OrganisationChange(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    country: Country | None = None
    language: Language | None = None
    criticality: Criticality | None = None
    criticality_source: CriticalitySource | None = None
    other_names: list[Name] | None = Field(None, max_length=MOST_NAMES)
    kvk_number: KvkNumber | None = None
    company_numbers: list[CompanyNumber] | None = Field(None, max_length=MOST_NUMBERS)
    sector: Sector | None = Field(None, description=SECTOR)


class OrganisationView(OrganisationBody):
    """Who decided the criticality, and when, is not known of what is older than that question.

    One that is `self_registered` has said all of this of itself: it is warned about what it has proven, and never found
    by its name. `claimed_kvk_number` is what it says; nobody has looked, and nothing follows from it.
    """

    organisation_id: UUID
    self_registered: bool
    claimed_kvk_number: str | None
    criticality_decided_at: datetime | None
    criticality_by: str | None
    created_at: datetime
    updated_at: datetime


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/organisations", tags=["organisations"], responses=refusals(410))
    _reading_routes(router, database)
    _changing_routes(router, database)
    return router


def _reading_routes(router: APIRouter, database: Database) -> None:
    @router.get("", dependencies=[VIEWER])
    async def list_organisations(
        self_registered: OnlySelfRegistered = None, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[OrganisationView]:
        """In the order in which they were added."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await organisations_page(tx, after=after, limit=limit, self_registered=self_registered)
        following = encode_cursor(found[limit - 1].organisation_id) if len(found) > limit else None
        return Page(items=[_view(record) for record in found[:limit]], next=following)

    @router.get("/{organisation_id}", dependencies=[VIEWER])
    async def read_organisation(organisation_id: UUID) -> OrganisationView:
        """One organisation; its assets and contacts are lists of their own."""
        async with database.transaction() as tx:
            record = await organisation_of(tx, organisation_id)
        if isinstance(record, Refusal):
            refuse(record, what="organisation")
        return _view(record)


def _changing_routes(router: APIRouter, database: Database) -> None:
    @router.post("", status_code=201, responses=refusals(409))
    async def post_organisation(body: OrganisationBody, response: Response, analyst: Analyst) -> OrganisationView:
        """Add one; what is theirs and whom to write comes after, by its id."""
        async with database.transaction() as tx:
            added = await add_organisation(_profile(body), by=analyst.name, tx=tx, now=database.now())
            if isinstance(added, Refusal):
                refuse(added, what="organisation")
        response.headers["Location"] = f"/v1/organisations/{added.organisation_id}"
        return _view(added)

    @router.patch("/{organisation_id}", responses=refusals(409))
    async def patch_organisation(
        organisation_id: UUID, change: OrganisationChange, analyst: Analyst
    ) -> OrganisationView:
        """Change what is given; `null` empties what can be empty."""
        async with database.transaction() as tx:
            changed = await change_organisation(
                organisation_id, partial(_changed, change=change), by=analyst.name, tx=tx, now=database.now()
            )
            if isinstance(changed, Refusal):
                refuse(changed, what="organisation")
        return _view(changed)

    @router.delete("/{organisation_id}", status_code=204)
    async def delete_organisation(organisation_id: UUID, analyst: Analyst) -> None:
        """With its assets, its contacts, and what was learnt of it. The log of its changes stays.

        One that has registered by itself is told, and does not come back unless it registers anew.
        """
        async with database.transaction() as tx:
            refusal = await remove_organisation(organisation_id, by=analyst.name, tx=tx, now=database.now())
            if refusal is not None:
                refuse(refusal, what="organisation")


def _profile(body: OrganisationBody) -> OrganisationProfile:
    return OrganisationProfile(
        name=body.name,
        country=body.country,
        language=body.language,
        criticality=body.criticality,
        criticality_source=body.criticality_source,
        other_names=tuple(body.other_names),
        kvk_number=body.kvk_number,
        company_numbers=tuple(dict.fromkeys(body.company_numbers)),
        sector=body.sector,
    )


def _changed(kept: OrganisationProfile, *, change: OrganisationChange) -> OrganisationProfile:
    """`null` empties what can be empty; elsewhere it means the same as leaving it out.

    A criticality of which nobody says who decided it is the desk's word, whoever decided the one before.
    """
    said = change.model_dump(exclude_unset=True)
    given = {field: value for field, value in said.items() if value is not None or field in CAN_BE_EMPTY}
    if "criticality" in given:
        given.setdefault("criticality_source", CriticalitySource.REGISTERED)
    lists = {
        field: tuple(dict.fromkeys(given[field])) for field in ("other_names", "company_numbers") if field in given
    }
    return msgspec.structs.replace(kept, **(given | lists))


def _view(record: OrganisationRecord) -> OrganisationView:
    return OrganisationView(
        organisation_id=record.organisation_id,
        **msgspec.structs.asdict(record.profile),
        self_registered=record.self_registered,
        claimed_kvk_number=record.claimed_kvk_number,
        criticality_decided_at=record.criticality_decided_at,
        criticality_by=record.criticality_by,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
