"""Who comes in: partners by their keys, operators by their tokens. The default is to refuse."""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, assert_never
from uuid import UUID

from fastapi import Path, Request, Response

from libs.common.problems import FieldError, Problem
from libs.common.proxies import is_from_proxy
from libs.common.security import KEY_PREFIX, Credential, RequiredRole, Role
from services.intake.domain.partners import Caller, KeyKind, Objection, Visit, canonical_certificate, objections
from services.intake.domain.rates import Rate
from services.intake.domain.records import quoted
from services.intake.handlers.keys import KeyRing, RateLimits
from services.intake.handlers.receipts import EVERYBODY, Viewer


@dataclass(frozen=True, slots=True)
class Doors:
    """What a key has to pass: known, of an enabled partner, from where and with what was agreed, and not too often.

    `certificate_header` is the one in which a trusted proxy says with which certificate a client came; empty: in none.
    """

    keys: KeyRing
    rates: RateLimits
    certificate_header: str = ""

    async def caller(self, request: Request, response: Response) -> Caller:
        """The partner behind a request; the answer says how much of the rate is left."""
        key = partner_key(request)
        caller = await self.keys.caller(key) if key else None
        if caller is None:
            raise _unauthorised()
        visit = self._visit(request)
        if found := [_objection(each, visit) for each in objections(caller, visit)]:
            raise Problem(403, found[0].code, "This key does not open now", found[0].message, errors=found)
        wait_seconds = self.rates.take(caller)
        if wait_seconds:
            raise _too_many(self.rates.rate(caller), wait_seconds)
        response.headers.update(_rate_fields(self.rates.rate(caller), self.rates.left(caller), wait_seconds))
        return caller

    def _visit(self, request: Request) -> Visit:
        return Visit(request.client.host if request.client else "", self._certificate(request))

    def _certificate(self, request: Request) -> str | None:
        """None also where the header stands twice: a proxy that adds its own leaves what the client wrote."""
        if not (self.certificate_header and is_from_proxy(request)):
            return None
        given = request.headers.getlist(self.certificate_header)
        return canonical_certificate(given[0]) if len(given) == 1 else None


def _objection(objection: Objection, visit: Visit) -> FieldError:
    match objection:
        case Objection.DISABLED:
            return FieldError("partner", "partner-disabled", "You may not push at the moment. Ask us why.")
        case Objection.ADDRESS:
            message = f"It is not agreed that you come from {quoted(visit.address)}."
            return FieldError("address", "address-not-allowed", message)
        case Objection.CERTIFICATE:
            seen = "another client certificate" if visit.certificate else "no client certificate"
            message = f"The key is bound to a client certificate, and we see {seen}."
            return FieldError("certificate", "wrong-certificate", message)
    assert_never(objection)


def _too_many(rate: Rate, wait_seconds: float) -> Problem:
    headers = {"Retry-After": str(math.ceil(wait_seconds)), **_rate_fields(rate, 0, wait_seconds)}
    return Problem(429, "too-many-requests", "Too many requests with this key", "Come back later.", headers=headers)


def _rate_fields(rate: Rate, left: int, wait_seconds: float) -> Mapping[str, str]:
    """`RateLimit` and its policy, as draft-ietf-httpapi-ratelimit-headers has them."""
    window = math.ceil(rate.burst / rate.per_second)
    return {
        "RateLimit": f'"key";r={left};t={math.ceil(wait_seconds)}',
        "RateLimit-Policy": f'"key";q={rate.burst};w={window}',
    }


class PartnerKey:
    """FastAPI dependency: the partner who pushes."""

    opens_with: ClassVar = (Credential.PARTNER_KEY,)

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def __call__(self, request: Request, response: Response) -> Caller:
        return await self._doors.caller(request, response)


class PartnerOrOperator:
    """FastAPI dependency: whose submissions the request may see; a partner's own, or, for an operator, everybody's."""

    opens_with: ClassVar = (Credential.PARTNER_KEY, Credential.OPERATOR_TOKEN)

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._operator = RequiredRole(Role.VIEWER)

    async def __call__(self, request: Request, response: Response) -> Viewer:
        if partner_key(request) is None:
            self._operator(request)
            return EVERYBODY
        caller = await self._doors.caller(request, response)
        return Viewer(caller.partner.id)


@dataclass(frozen=True, slots=True)
class Self:
    """The partner that a request is about, and who is asking, for the log."""

    partner_id: UUID
    by: str


class SelfOrOperator:
    """FastAPI dependency for `/v1/partners/{whose}/…`: `me` is the partner behind the key, an id takes an operator.

    A key for tests changes nothing there: what it would change is used in earnest.
    """

    opens_with: ClassVar = (Credential.PARTNER_KEY, Credential.OPERATOR_TOKEN)

    def __init__(self, doors: Doors, role: Role) -> None:
        self._doors = doors
        self._operator = RequiredRole(role)

    async def __call__(
        self,
        request: Request,
        response: Response,
        whose: Annotated[Literal["me"] | UUID, Path(description="`me`, or for an operator the partner's id")],
    ) -> Self:
        if isinstance(whose, UUID):
            return Self(whose, self._operator(request).name)
        caller = await self._doors.caller(request, response)
        if caller.key.kind is KeyKind.TEST and request.method != "GET":
            detail = "It pushes and reads. For this, take the key that you push with in earnest."
            raise Problem(403, "key-for-tests", "A key for tests changes nothing here", detail)
        return Self(caller.partner.id, f"key {caller.key.prefix}")


def partner_key(request: Request) -> str | None:
    """The key in `Authorization`: `Bearer`, `Token`, or the password of `Basic` (so send TAXII clients and IntelMQ)."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip()
    key = _password(value) if scheme.lower() == "basic" else value
    known = scheme.lower() in ("bearer", "token", "basic") and key.startswith(KEY_PREFIX)
    return key if known else None


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _unauthorised() -> Problem:
    return Problem(
        401,
        "unauthorised",
        "Who are you?",
        "Send `Authorization: Bearer tck_…` with a key that is valid.",
        headers={"WWW-Authenticate": "Bearer"},
    )
