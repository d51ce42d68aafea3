"""Operators' tokens, and who may do what."""

import base64
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.errors import Fatal
from libs.common.problems import Problem
from libs.common.security import (
    Operator,
    OperatorTokens,
    Role,
    api_key_hash,
    new_api_key,
    sign_operator_token,
)

KEY = Ed25519PrivateKey.generate()
TOKENS = OperatorTokens(base64.b64encode(KEY.public_key().public_bytes_raw()).decode())
ANNA = Operator(name="anna", role=Role.ANALYST)


def token(
    *, key: Ed25519PrivateKey = KEY, lives: timedelta = timedelta(hours=1), ahead: timedelta = timedelta()
) -> str:
    now = datetime.now(UTC) + ahead
    return sign_operator_token(key, operator=ANNA, now=now, expires=now + lives)


def test_a_token_names_its_operator() -> None:
    assert TOKENS.read(token()) == ANNA


def test_a_token_of_a_console_whose_clock_is_ahead_of_ours_is_good_at_once() -> None:
    assert TOKENS.read(token(ahead=timedelta(minutes=5))) == ANNA


@pytest.mark.parametrize(
    "wrong",
    [token(lives=timedelta(seconds=-1)), token(key=Ed25519PrivateKey.generate()), "", "a.b.c", token() + "x"],
    ids=["expired", "forged", "empty", "garbage", "changed"],
)
def test_any_other_token_is_refused(wrong: str) -> None:
    with pytest.raises(Problem) as refused:
        TOKENS.read(wrong)
    assert refused.value.status == 401


def test_a_token_without_a_signature_is_refused() -> None:
    claims = {"sub": "eve", "role": "admin", "iss": "tocsin-console", "aud": "tocsin", "exp": 4102444800}
    with pytest.raises(Problem):
        TOKENS.read(jwt.encode(claims, None, algorithm="none"))  # type: ignore[arg-type]  # an attacker's call


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.ANALYST, {Role.VIEWER, Role.ANALYST}),
        (Role.APPROVER, {Role.VIEWER, Role.ANALYST, Role.APPROVER}),
        (Role.ADMIN, set(Role)),
        (Role.AUDITOR, {Role.VIEWER, Role.AUDITOR}),
    ],
)
def test_a_role_may_what_the_ladder_says(role: Role, may: set[Role]) -> None:
    assert {wanted for wanted in Role if role.may(wanted)} == may


def test_a_broken_public_key_stops_the_start() -> None:
    with pytest.raises(Fatal):
        OperatorTokens("not base64 of 32 bytes")


def test_keys_are_long_and_never_alike() -> None:
    keys = {new_api_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith("tck_") and len(key) == 47 for key in keys)
    assert len({api_key_hash(key) for key in keys}) == 100
