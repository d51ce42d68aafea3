"""Who may do what: operators' tokens, partners' keys. The default is to refuse."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from fastapi import Request
from jwt.types import Options

from libs.common.errors import Fatal
from libs.common.problems import Problem

ISSUER = "tocsin-console"
AUDIENCE = "tocsin"
ALGORITHM = "EdDSA"
KEY_PREFIX = "tck_"

CHECKED: Options = {"require": ["exp", "sub"], "verify_iat": False}
"""A token from the future is one of a console whose clock is a second ahead of ours: its end counts, not its birth."""


class Credential(StrEnum):
    """What a request can open a route with. Every dependency that looks at one says which it takes: `opens_with`."""

    OPERATOR_TOKEN = "operator-token"  # noqa: S105 - the name of a kind
    PARTNER_KEY = "partner-key"


class Role(StrEnum):
    """What an operator may do. Each includes the ones above it; the auditor reads everything and changes nothing."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMIN = "admin"
    AUDITOR = "auditor"

    def may(self, wanted: "Role") -> bool:
        """Whether this role suffices where `wanted` is asked for."""
        return wanted in ALLOWED[self]


_LADDER = (Role.VIEWER, Role.ANALYST, Role.APPROVER, Role.ADMIN)
ALLOWED = {
    **{role: frozenset(_LADDER[: place + 1]) for place, role in enumerate(_LADDER)},
    Role.ADMIN: frozenset(Role),
    Role.AUDITOR: frozenset({Role.VIEWER, Role.AUDITOR}),
}


class Operator(msgspec.Struct, frozen=True):
    """A person at the desk, as their token names them."""

    name: str
    role: Role


class OperatorTokens:
    """Reads operators' tokens: JWTs signed with Ed25519 by the console."""

    def __init__(self, public_key: str) -> None:
        try:
            self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        except ValueError as error:
            raise Fatal("the operators' public key is not base64 of 32 bytes") from error

    def read(self, token: str) -> Operator:
        """The operator in a token; raises a 401 problem for one that is forged, expired or not for us."""
        try:
            claims = jwt.decode(token, self._key, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=CHECKED)
            return Operator(name=claims["sub"], role=Role(claims["role"]))
        except (jwt.InvalidTokenError, KeyError, ValueError) as error:
            raise _unauthorised("The token is not valid, or no longer.") from error


def sign_operator_token(key: Ed25519PrivateKey, *, operator: Operator, now: datetime, expires: datetime) -> str:
    """A token as the console gives it."""
    claims = {
        "sub": operator.name,
        "role": operator.role.value,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int(expires.timestamp()),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM)


class RequiredRole:
    """FastAPI dependency: the operator behind the request, if their role suffices."""

    opens_with: ClassVar = (Credential.OPERATOR_TOKEN,)

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request) -> Operator:
        tokens: OperatorTokens = request.app.state.operator_tokens
        operator = tokens.read(bearer_token(request))
        require(operator, self.role)
        return operator


def require(operator: Operator, role: Role) -> None:
    """Raise the 403 problem where a part of what is asked takes a higher role than the route does."""
    if not operator.role.may(role):
        raise Problem(403, "role-too-low", "Your role does not allow this", f"It takes the role {role}.")


def operator(*, at_least: Role) -> Callable[[Request], Operator]:
    """Who must be asking. Every route names this, `public`, or a partner's key."""
    return RequiredRole(at_least)


def public() -> None:
    """Marks a route that anybody may call."""


def bearer_token(request: Request) -> str:
    """The token of the `Authorization` header; raises a 401 problem where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorised("Send `Authorization: Bearer …`.")
    return token.strip()


def new_api_key() -> str:
    """A partner's key: 256 random bits, shown once."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def api_key_hash(key: str) -> bytes:
    """What is kept of a key. Plain SHA-256 suffices: a random key can't be guessed from a list."""
    return hashlib.sha256(key.encode()).digest()


def _unauthorised(detail: str) -> Problem:
    return Problem(401, "unauthorised", "Who are you?", detail, headers={"WWW-Authenticate": "Bearer"})
