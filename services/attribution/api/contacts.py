"""`/v1/organisations/{id}/contacts`: whom to write, in what language, from when to when, and with which key."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.storable import StorableTime
from libs.common.vocabulary import Language
from services.attribution.api.views import refuse
from services.attribution.domain.keys import MAX_KEY_CHARS, KeyKind, kept_key
from services.attribution.domain.organisation_files import WrittenContact
from services.attribution.domain.organisations import Channel, ContactRecord, ContactRole
from services.attribution.handlers import Keys, Refusal, add_contact, change_contact, contacts_page, remove_contact

VIEWER = Depends(operator(at_least=Role.VIEWER))
Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
CAN_BE_EMPTY = frozenset({"language", "valid_from", "valid_until", "pgp_key", "smime_certificate"})

Email = Annotated[str, Field(max_length=254)]
OwnLanguage = Annotated[Language | None, Field(description="Instead of the organisation's own")]
ValidFrom = Annotated[StorableTime | None, Field(description="Not written to before")]
ValidUntil = Annotated[StorableTime | None, Field(description="Not written to from then on")]
PgpKey = Annotated[str | None, Field(max_length=MAX_KEY_CHARS, description="OpenPGP public key in its armour")]
Certificate = Annotated[str | None, Field(max_length=MAX_KEY_CHARS, description="S/MIME certificate as PEM")]


class ContactWords(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    role: ContactRole = ContactRole.SECURITY
    language: OwnLanguage = None
    channel: Channel = Field(
        Channel.MAIL, description="`mail` and `encrypted-mail` are written to; the latter gets no other"
    )
    valid_from: ValidFrom = None
    valid_until: ValidUntil = None


class ContactBody(ContactWords):
    pgp_key: PgpKey = None
    smime_certificate: Certificate = None


class ContactChange(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    email: Email | None = None
    role: ContactRole | None = None
    language: OwnLanguage = None
    channel: Channel | None = None
    valid_from: ValidFrom = None
    valid_until: ValidUntil = None
    pgp_key: PgpKey = None
    smime_certificate: Certificate = None


class KeyView(BaseModel):
    """A key by what one compares; `expires_at` null: never."""

    fingerprint: str
    expires_at: datetime | None


class ContactView(ContactWords):
    """`in_force`: would it be written to now?"""

    contact_id: UUID
    created_at: datetime
    in_force: bool
    pgp_key: KeyView | None
    smime_certificate: KeyView | None


def routes(database: Database) -> APIRouter:
    router = APIRouter(
        prefix="/v1/organisations/{organisation_id}/contacts", tags=["contacts"], responses=refusals(410)
    )

    @router.get("", dependencies=[VIEWER])
    async def list_contacts(
        organisation_id: UUID, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[ContactView]:
        """Whom to write, in the order in which they were added."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await contacts_page(tx, organisation_id, after=after, limit=limit)
        if isinstance(found, Refusal):
            refuse(found, what="organisation")
        following = encode_cursor(found[limit - 1].contact_id) if len(found) > limit else None
        return Page(items=[_view(record, database.now()) for record in found[:limit]], next=following)

    _changing_routes(router, database)
    return router


def _changing_routes(router: APIRouter, database: Database) -> None:
    @router.post("", status_code=201)
    async def post_contact(organisation_id: UUID, body: ContactBody, analyst: Analyst) -> ContactView:
        """Add an address. One that is there already becomes what is said of it now; keys that are not given stay."""
        now = database.now()
        written = WrittenContact(**body.model_dump(exclude={"pgp_key", "smime_certificate"}))
        keys = Keys(pgp_key=body.pgp_key, smime_certificate=body.smime_certificate)
        async with database.transaction() as tx:
            contact = await add_contact(organisation_id, written, keys=keys, by=analyst.name, tx=tx, now=now)
            if isinstance(contact, Refusal):
                refuse(contact, what="organisation")
        return _view(contact, now)

    @router.patch("/{contact_id}", responses=refusals(409))
    async def patch_contact(
        organisation_id: UUID, contact_id: UUID, change: ContactChange, analyst: Analyst
    ) -> ContactView:
        """Change what is given; `null` empties what can be empty."""
        now = database.now()
        said = change.model_dump(exclude_unset=True)
        given = {field: value for field, value in said.items() if value is not None or field in CAN_BE_EMPTY}
        async with database.transaction() as tx:
            contact = await change_contact(organisation_id, contact_id, given, by=analyst.name, tx=tx, now=now)
            if isinstance(contact, Refusal):
                refuse(contact, what="contact")
        return _view(contact, now)

    @router.delete("/{contact_id}", status_code=204)
    async def delete_contact(organisation_id: UUID, contact_id: UUID, analyst: Analyst) -> None:
        """Nobody writes there any more."""
        async with database.transaction() as tx:
            refusal = await remove_contact(organisation_id, contact_id, by=analyst.name, tx=tx, now=database.now())
            if refusal is not None:
                refuse(refusal, what="contact")


def _view(record: ContactRecord, now: datetime) -> ContactView:
    contact = record.contact
    return ContactView(
        contact_id=record.contact_id,
        email=contact.email,
        role=contact.role,
        language=contact.language,
        channel=contact.channel,
        valid_from=contact.valid_from,
        valid_until=contact.valid_until,
        created_at=record.created_at,
        in_force=contact.is_usable(now),
        pgp_key=_key_view(KeyKind.PGP, record.pgp_key),
        smime_certificate=_key_view(KeyKind.SMIME, record.smime_certificate),
    )


def _key_view(kind: KeyKind, text: str | None) -> KeyView | None:
    key = kept_key(kind, text) if text is not None else None
    return KeyView(fingerprint=key.fingerprint, expires_at=key.expires_at) if key is not None else None
