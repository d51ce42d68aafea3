"""What receivers check: with a library for Standard Webhooks, or with the code on our page."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.intake.domain.webhooks.signatures import signed_headers, written_secret

PAGE = Path(__file__).resolve().parents[3] / "docs" / "for-partners.md"
SECRET, OTHER = b"\x01" * 32, b"\x02" * 32
BODY = b'{"type":"submission.settled","timestamp":"2026-03-01T05:06:07Z","sequence":1,"data":{}}'

Check = Callable[[Mapping[str, str], bytes, str], bool]


def on_the_page() -> Check:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (code,) = (block for block in blocks if "def is_from_tocsin" in block)
    found: dict[str, Any] = {}  # Any: the names of a module
    exec(code, found)
    check: Check = found["is_from_tocsin"]
    return check


def of_the_library(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    try:
        return bool(Webhook(secret).verify(body, dict(headers)) == json.loads(body))
    except WebhookVerificationError:
        return False


both = pytest.mark.parametrize("check", [on_the_page(), of_the_library], ids=["page", "library"])


def headers(*secrets: bytes, age: timedelta = timedelta(0)) -> Mapping[str, str]:
    return signed_headers("0190", BODY, secrets=secrets, at=datetime.now(UTC) - age)


@both
def test_what_we_send_is_taken(check: Check) -> None:
    assert check(headers(SECRET), BODY, written_secret(SECRET))


@both
def test_while_a_secret_changes_the_new_one_and_the_old_one_are_taken(check: Check) -> None:
    for secret in (SECRET, OTHER):
        assert check(headers(SECRET, OTHER), BODY, written_secret(secret))


@both
def test_what_somebody_else_sends_is_not(check: Check) -> None:
    assert not check(headers(OTHER), BODY, written_secret(SECRET))
    assert not check(headers(SECRET), BODY.replace(b"1", b"2", 1), written_secret(SECRET))
    assert not check({**headers(SECRET), "webhook-id": "0191"}, BODY, written_secret(SECRET))


@both
def test_what_was_sent_long_ago_is_not(check: Check) -> None:
    assert not check(headers(SECRET, age=timedelta(minutes=6)), BODY, written_secret(SECRET))
