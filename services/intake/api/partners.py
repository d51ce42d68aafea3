"""`/v1/partners`: who may push, and with which keys."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.addresses import canonical_email
from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import Problem, not_found
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import Reliability
from services.intake.domain.partners import KeyKind, Partner, PartnerKey
from services.intake.handlers import partners
from services.intake.handlers.partners import NewKey

log = structlog.get_logger(__name__)

Administrator = Annotated[Operator, Depends(operator(at_least=Role.ADMIN))]


def _email(text: str) -> str:
    email = canonical_email(text)
    if email is None:
        raise ValueError("this is not one e-mail address")
    return email


Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class PartnerBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slug: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,49}$", description="How receipts and events name the partner")
    name: Name
    reliability: Reliability = Field(description="How much the partner is to be believed: the Admiralty scale's letter")
    contact_email: Email


class PartnerChanges(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    reliability: Reliability | None = None
    contact_email: Email | None = None
    enabled: bool | None = None


class PartnerView(PartnerBody):
    id: UUID
    enabled: bool
    created_at: datetime


class KeyBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expires_at: AwareDatetime | None = None
    kind: KeyKind = Field(KeyKind.API, description="What it opens: the API, or the door for mail, as an address")


class KeyView(BaseModel):
    """A key by its beginning; the rest of it is known to nobody but the partner."""

    id: UUID
    kind: KeyKind
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewKeyView(KeyView):
    key: str = Field(description="Shown this once")
    address: str | None = Field(description="Of a key for mail: where the partner sends it")


def routes(database: Database, *, mail_domain: str) -> APIRouter:
    router = APIRouter(prefix="/v1/partners", tags=["partners"])
    _add_partner_routes(router, database)
    _add_key_routes(router, database, mail_domain=mail_domain)
    return router


def _add_partner_routes(router: APIRouter, database: Database) -> None:
    @router.post("", status_code=201)
    async def add_partner(body: PartnerBody, administrator: Administrator) -> PartnerView:
        async with database.transaction() as tx:
            partner = await partners.add_partner(
                tx,
                slug=body.slug,
                name=body.name,
                reliability=body.reliability,
                contact_email=body.contact_email,
                now=database.now(),
            )
        if partner is None:
            raise Problem(409, "slug-taken", "There is a partner of this slug already", f"'{body.slug}' is taken.")
        log.info("partner added", partner=partner.slug, operator=administrator.name)
        return _partner_view(partner)

    @router.get("")
    async def list_partners(_: Administrator, limit: PageLimit = 50, cursor: PageCursor = None) -> Page[PartnerView]:
        after = read_cursor(cursor, tuple[str])[0] if cursor else ""
        async with database.transaction() as tx:
            found = await partners.partners_after(tx, after, limit=limit + 1)
        following = encode_cursor(found[limit - 1].slug) if len(found) > limit else None
        return Page(items=[_partner_view(partner) for partner in found[:limit]], next=following)

    @router.patch("/{partner_id}")
    async def change_partner(partner_id: UUID, body: PartnerChanges, administrator: Administrator) -> PartnerView:
        changes = body.model_dump(exclude_none=True, mode="json")
        async with database.transaction() as tx:
            partner = await partners.change_partner(tx, partner_id, changes)
        if partner is None:
            raise not_found("partner")
        log.info("partner changed", partner=partner.slug, fields=sorted(changes), operator=administrator.name)
        return _partner_view(partner)


def _add_key_routes(router: APIRouter, database: Database, *, mail_domain: str) -> None:
    @router.post("/{partner_id}/keys", status_code=201)
    async def add_key(partner_id: UUID, administrator: Administrator, body: KeyBody | None = None) -> NewKeyView:
        wanted = body or KeyBody()
        if wanted.kind is KeyKind.MAIL and not mail_domain:
            raise Problem(409, "mail-not-taken", "No mail is taken here", "TOCSIN_INTAKE_MAIL_DOMAIN is not set.")
        async with database.transaction() as tx:
            new = await partners.add_key(
                tx, partner_id, kind=wanted.kind, expires_at=wanted.expires_at, now=database.now()
            )
        if new is None:
            raise not_found("partner")
        log.info("key added", partner=str(partner_id), prefix=new.key.prefix, operator=administrator.name)
        return _new_key_view(new, mail_domain=mail_domain)

    @router.get("/{partner_id}/keys")
    async def list_keys(partner_id: UUID, _: Administrator) -> Page[KeyView]:
        async with database.transaction() as tx:
            keys = await partners.keys_of(tx, partner_id)
        if keys is None:
            raise not_found("partner")
        return Page(items=[_key_view(key) for key in keys])

    @router.delete("/{partner_id}/keys/{key_id}", status_code=204)
    async def revoke_key(partner_id: UUID, key_id: UUID, administrator: Administrator) -> None:
        """The key stops opening within seconds; it stays in the list, with the time of its end."""
        async with database.transaction() as tx:
            revoked = await partners.revoke_key(tx, partner_id, key_id, now=database.now())
        if not revoked:
            raise not_found("key")
        log.info("key revoked", partner=str(partner_id), key=str(key_id), operator=administrator.name)


def _partner_view(partner: Partner) -> PartnerView:
    return PartnerView(
        id=partner.id,
        slug=partner.slug,
        name=partner.name,
        reliability=partner.reliability,
        contact_email=partner.contact_email,
        enabled=partner.enabled,
        created_at=partner.created_at,
    )


def _key_view(key: PartnerKey) -> KeyView:
    return KeyView(
        id=key.id,
        kind=key.kind,
        prefix=key.prefix,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )


def _new_key_view(new: NewKey, *, mail_domain: str) -> NewKeyView:
    address = f"{new.secret}@{mail_domain}" if new.key.kind is KeyKind.MAIL else None
    return NewKeyView(**_key_view(new.key).model_dump(), key=new.secret, address=address)
