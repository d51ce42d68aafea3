"""How partners come in: which headers carry a key, and how much of their rate is left."""

import base64

import pytest
from starlette.requests import Request

from services.intake.api.doors import partner_key

KEY = "tck_" + "a" * 43


def request(authorization: str) -> Request:
    return Request({"type": "http", "headers": [(b"authorization", authorization.encode())]})


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


@pytest.mark.parametrize(
    "authorization", [f"Bearer {KEY}", f"bearer  {KEY}", f"Token {KEY}", basic(f"anybody:{KEY}"), basic(f":{KEY}")]
)
def test_a_key_comes_as_bearer_as_token_or_as_a_password(authorization: str) -> None:
    assert partner_key(request(authorization)) == KEY


@pytest.mark.parametrize(
    "authorization",
    ["", KEY, f"Digest {KEY}", "Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln", basic("anybody:secret"), "Basic %%%", "Basic"],
)
def test_anything_else_is_no_key(authorization: str) -> None:
    assert partner_key(request(authorization)) is None
