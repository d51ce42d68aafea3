"""`/v1/partners/{id}/keys`: what a partner comes in with; made, rotated and withdrawn by operators."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page
from libs.common.problems import FieldError, Problem, not_found
from libs.common.security import Operator, Role, operator
from libs.common.simulator import ADDRESSES, act_of, is_simulated
from libs.common.storable import StorableTime
from services.intake.api.doors import Doors, Self, SelfOrOperator
from services.intake.api.partners import Email
from services.intake.domain.partners import KeyKind, PartnerKey, canonical_certificate
from services.intake.handlers import partners
from services.intake.handlers.partners import Ended, NewKey

log = structlog.get_logger(__name__)

Administrator = Annotated[Operator, Depends(operator(at_least=Role.ADMIN))]
DEFAULT_OVERLAP_DAYS = 7
MAX_OVERLAP_DAYS = 90


def _certificate(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("this is neither a SHA-256 fingerprint nor a subject")
    return canonical_certificate(text)


class KeyBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expires_at: StorableTime | None = None
    kind: KeyKind = Field(
        KeyKind.API, description="What it opens: the API, in earnest or for tests, or the door for mail, as an address"
    )
    mails_to: Email | None = Field(
        None, description="Of a key for tests: who alone gets the mails; left out: the partner's contact_email"
    )
    certificate: Annotated[str, Field(max_length=1000), AfterValidator(_certificate)] | None = Field(
        None, description="The client certificate without which it does not open: SHA-256 fingerprint, or subject"
    )


class RotationBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    overlap_days: float = Field(
        DEFAULT_OVERLAP_DAYS, ge=0, le=MAX_OVERLAP_DAYS, description="How long the old key goes on opening, at most"
    )
    expires_at: StorableTime | None = Field(
        None, description="The end of the new key; left out: it lasts as long as the old one was meant to"
    )


class KeyView(BaseModel):
    """A key by its beginning; the rest of it is known to nobody but the partner."""

    id: UUID
    kind: KeyKind
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    certificate: str | None = Field(description="The client certificate that it is bound to")
    replaces: UUID | None = Field(description="The key in whose place it came")
    mails_to: str | None = Field(description="Of a key for tests: who alone gets the mails")


class NewKeyView(KeyView):
    key: str = Field(description="Shown this once")
    address: str | None = Field(description="Of a key for mail: where the partner sends it")


def routes(database: Database, doors: Doors, *, mail_domain: str) -> APIRouter:
    router = APIRouter(prefix="/v1/partners", tags=["partners"])
    _add_making_routes(router, database, reads_certificates=bool(doors.certificate_header), mail_domain=mail_domain)
    _add_other_routes(router, database, Depends(SelfOrOperator(doors, Role.AUDITOR)))
    return router


def _add_making_routes(router: APIRouter, database: Database, *, reads_certificates: bool, mail_domain: str) -> None:
    @router.post("/{partner_id}/keys", status_code=201, responses=refusals(409))
    async def add_key(partner_id: UUID, administrator: Administrator, body: KeyBody | None = None) -> NewKeyView:
        """A new key; those that there are stay. The answer shows it, and nothing ever does again."""
        wanted = body or KeyBody()
        _require_possible(wanted, reads_certificates=reads_certificates, takes_mail=bool(mail_domain))
        async with database.transaction() as tx:
            now = database.now()
            _require_sound(
                wanted.expires_at,
                now=now,
                kind=wanted.kind,
                certificate=wanted.certificate,
                mails_to=wanted.mails_to,
            )
            new = await partners.add_key(
                tx,
                partner_id,
                kind=wanted.kind,
                expires_at=wanted.expires_at,
                certificate=wanted.certificate,
                mails_to=wanted.mails_to,
                now=now,
            )
        if new is None:
            raise not_found("partner")
        log.info("key added", partner=str(partner_id), prefix=new.key.prefix, operator=administrator.name)
        return _new_key_view(new, mail_domain=mail_domain)

    @router.post("/{partner_id}/keys/{key_id}/rotate", status_code=201, responses=refusals(409))
    async def rotate_key(
        partner_id: UUID, key_id: UUID, administrator: Administrator, body: RotationBody | None = None
    ) -> NewKeyView:
        """A new key like this one, which goes on opening for a while, so that the partner can change without a gap."""
        wanted = body or RotationBody()
        overlap = timedelta(days=wanted.overlap_days)
        async with database.transaction() as tx:
            now = database.now()
            _require_sound(wanted.expires_at, now=now)
            new = await partners.rotate_key(
                tx, partner_id, key_id, overlap=overlap, expires_at=wanted.expires_at, now=now
            )
        if new is None:
            raise not_found("key")
        if isinstance(new, Ended):
            raise Problem(409, "key-ended", "This key opens nothing any more", "Make a new one instead.")
        log.info(
            "key rotated",
            partner=str(partner_id),
            key=str(key_id),
            prefix=new.key.prefix,
            overlap_days=wanted.overlap_days,
            operator=administrator.name,
        )
        return _new_key_view(new, mail_domain=mail_domain)


def _add_other_routes(router: APIRouter, database: Database, reading: object) -> None:
    @router.get("/{whose}/keys")
    async def list_keys(whose: Annotated[Self, reading]) -> Page[KeyView]:
        """All there ever were, the oldest first."""
        async with database.transaction() as tx:
            keys = await partners.keys_of(tx, whose.partner_id)
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


def _require_possible(wanted: KeyBody, *, reads_certificates: bool, takes_mail: bool) -> None:
    """Raise a problem for a key that this system, as it is set up, would never open for."""
    if wanted.kind is KeyKind.MAIL and not takes_mail:
        raise Problem(409, "mail-not-taken", "No mail is taken here", "TOCSIN_INTAKE_MAIL_DOMAIN is not set.")
    if wanted.certificate and not reads_certificates:
        detail = "TOCSIN_INTAKE_CLIENT_CERTIFICATE_HEADER is not set."
        raise Problem(409, "certificates-not-read", "No client certificate is seen here", detail)


def _require_sound(
    expires_at: datetime | None,
    *,
    now: datetime,
    kind: KeyKind = KeyKind.API,
    certificate: str | None = None,
    mails_to: str | None = None,
) -> None:
    """Raise a problem that names all that is wrong."""

    def wrong() -> Iterator[FieldError]:
        if expires_at is not None and expires_at <= now:
            yield FieldError("body.expires_at", "in-the-past", "This moment is over already.")
        if kind is KeyKind.MAIL and certificate:
            yield FieldError("body.certificate", "mail-without-certificate", "A mail brings no client certificate.")
        if mails_to and kind is not KeyKind.TEST:
            yield FieldError(
                "body.mails_to", "not-for-tests", "Mails go to a partner by a key of the kind `test` only."
            )
        if mails_to and is_simulated(mails_to) and act_of(mails_to) is None:
            yield FieldError("body.mails_to", "not-simulated", f"There is {', '.join(ADDRESSES)}.")

    if errors := list(wrong()):
        raise Problem(422, "not-valid", "The request is not valid", f"{len(errors)} things are wrong.", errors=errors)


def _key_view(key: PartnerKey) -> KeyView:
    return KeyView(
        id=key.id,
        kind=key.kind,
        prefix=key.prefix,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
        certificate=key.certificate,
        replaces=key.replaces,
        mails_to=key.mails_to,
    )


def _new_key_view(new: NewKey, *, mail_domain: str) -> NewKeyView:
    address = f"{new.secret}@{mail_domain}" if new.key.kind is KeyKind.MAIL else None
    return NewKeyView(**_key_view(new.key).model_dump(), key=new.secret, address=address)
