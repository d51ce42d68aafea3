"""`/v1/organisations/{id}/assets` and `/contacts`: what is theirs, and whom to write."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import not_found
from libs.common.security import Role, operator
from libs.common.vocabulary import AssetKind, Language
from services.attribution.api.views import refuse
from services.attribution.domain.organisation_files import WrittenContact
from services.attribution.domain.organisations import AssetRecord, ContactRecord, ContactRole
from services.attribution.handlers import (
    Refusal,
    add_contact,
    assets_page,
    contacts_page,
    register_asset,
    release_asset,
    remove_contact,
)

VIEWER = Depends(operator(at_least=Role.VIEWER))
ANALYST = Depends(operator(at_least=Role.ANALYST))


class AssetBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: AssetKind
    value: str = Field(
        min_length=1,
        max_length=300,
        description="`198.51.100.0/24`, `198.51.100.3 - 198.51.100.9`, `bakery.example` (and all below it), `AS64500`",
    )


class AssetView(AssetBody):
    """`value` as it is kept: canonical, so the same asset written in another way is the same."""

    asset_id: UUID
    created_at: datetime


class ContactBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=254)
    role: ContactRole = ContactRole.SECURITY
    language: Language | None = Field(None, description="Instead of the organisation's own")


class ContactView(ContactBody):
    contact_id: UUID
    created_at: datetime


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/organisations/{organisation_id}")
    _asset_routes(router, database)
    _contact_routes(router, database)
    return router


def _asset_routes(router: APIRouter, database: Database) -> None:
    @router.get("/assets", dependencies=[VIEWER], tags=["assets"])
    async def list_assets(organisation_id: UUID, limit: PageLimit = 50, cursor: PageCursor = None) -> Page[AssetView]:
        """What is theirs, in the order in which it was registered."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await assets_page(tx, organisation_id, after=after, limit=limit)
        following = encode_cursor(found[limit - 1].asset_id) if len(found) > limit else None
        return Page(items=[_asset_view(record) for record in found[:limit]], next=following)

    @router.post("/assets", status_code=201, dependencies=[ANALYST], tags=["assets"], responses=refusals(409))
    async def post_asset(organisation_id: UUID, body: AssetBody) -> AssetView:
        """Claim an asset. An asset that the organisation has already is answered as it is kept."""
        async with database.transaction() as tx:
            asset = await register_asset(organisation_id, body.kind, body.value, tx=tx, now=database.now())
            if isinstance(asset, Refusal):
                refuse(asset, what="organisation")
        return _asset_view(asset)

    @router.delete("/assets/{asset_id}", status_code=204, dependencies=[ANALYST], tags=["assets"])
    async def delete_asset(organisation_id: UUID, asset_id: UUID) -> None:
        """It is theirs no longer; what was found at it before stays as it was."""
        async with database.transaction() as tx:
            if not await release_asset(organisation_id, asset_id, tx=tx, now=database.now()):
                raise not_found("asset")


def _contact_routes(router: APIRouter, database: Database) -> None:
    @router.get("/contacts", dependencies=[VIEWER], tags=["contacts"])
    async def list_contacts(
        organisation_id: UUID, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[ContactView]:
        """Whom to write, in the order in which they were added."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await contacts_page(tx, organisation_id, after=after, limit=limit)
        following = encode_cursor(found[limit - 1].contact_id) if len(found) > limit else None
        return Page(items=[_contact_view(record) for record in found[:limit]], next=following)

    @router.post("/contacts", status_code=201, dependencies=[ANALYST], tags=["contacts"])
    async def post_contact(organisation_id: UUID, body: ContactBody) -> ContactView:
        """Add an address. One that is there already takes the role and language given now."""
        written = WrittenContact(email=body.email, role=body.role, language=body.language)
        async with database.transaction() as tx:
            contact = await add_contact(organisation_id, written, tx=tx, now=database.now())
            if isinstance(contact, Refusal):
                refuse(contact, what="organisation")
        return _contact_view(contact)

    @router.delete("/contacts/{contact_id}", status_code=204, dependencies=[ANALYST], tags=["contacts"])
    async def delete_contact(organisation_id: UUID, contact_id: UUID) -> None:
        """Nobody writes there any more."""
        async with database.transaction() as tx:
            if not await remove_contact(organisation_id, contact_id, tx=tx):
                raise not_found("contact")


def _asset_view(record: AssetRecord) -> AssetView:
    return AssetView(asset_id=record.asset_id, kind=record.kind, value=record.value, created_at=record.created_at)


def _contact_view(record: ContactRecord) -> ContactView:
    contact = record.contact
    return ContactView(
        contact_id=record.contact_id,
        email=contact.email,
        role=contact.role,
        language=contact.language,
        created_at=record.created_at,
    )
