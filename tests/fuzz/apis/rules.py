"""What holds for every answer, beyond what schemathesis looks at by itself."""

import json
import re
from collections.abc import Mapping
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response

from libs.common.http_api import SAFE_HEADERS
from libs.common.openapi import PAGE_TYPE, PROBLEM_TYPE

AnyCase = Case[Any]
"""Any: by what an operation is defined, which is the same for all of OpenAPI."""

PROBLEM_FIELDS = {"type": str, "title": str, "status": int, "detail": str, "instance": str, "errors": list}
TAXII_FIELDS = {"title": str, "description": str, "error_code": str, "http_status": str}
VIOLATION_FIELDS = {"where", "code", "message"}
INSIDES = re.compile(rb'Traceback \(most recent|File "[^"]+\.py", line|asyncpg|sqlalchemy|pydantic_core|site-packages')
COME_BACK_LATER = (429, 503)


@schemathesis.check
def refusal_is_a_problem(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """Every refusal is a problem with all of its fields; TAXII has its own form, and so have pages for people."""
    if response.status_code < 400:
        return
    media_type = _header(response, "content-type")
    body = response.content or b""
    if response.request.method == "HEAD" or (media_type.startswith(PAGE_TYPE) and b"<html" in body):
        return
    try:
        told = json.loads(body)
    except ValueError:
        raise AssertionError(f"{response.status_code} without a problem: {media_type} {body[:100]!r}") from None
    if case.path.startswith("/taxii2/"):
        assert media_type.startswith("application/taxii+json;version=2.1"), media_type
        _has(told, TAXII_FIELDS)
        assert told["http_status"] == str(response.status_code), told
        errors = told.get("details", {}).get("errors", [])
    elif case.path == "/health/ready":
        return
    else:
        assert media_type == PROBLEM_TYPE, media_type
        _has(told, PROBLEM_FIELDS)
        assert told["status"] == response.status_code, told
        assert told["type"].startswith("/problems/"), told
        errors = told["errors"]
    assert all(set(error) == VIOLATION_FIELDS and all(map(str, error.values())) for error in errors), errors


@schemathesis.check
def refusal_says_when_to_come_back(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """429 and 503 have `Retry-After`, in seconds."""
    if response.status_code in COME_BACK_LATER and case.path != "/health/ready":
        assert _header(response, "retry-after").isdecimal(), f"{response.status_code} without Retry-After"


@schemathesis.check
def refused_method_names_the_others(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """405 has `Allow` (RFC 9110)."""
    assert response.status_code != 405 or _header(response, "allow"), "405 without Allow"


@schemathesis.check
def nothing_of_our_insides_is_shown(ctx: CheckContext, response: Response, case: AnyCase) -> None:
    """No stack trace, no name of a library, and the headers that every answer has."""
    found = INSIDES.search(response.content or b"")
    assert found is None, f"the answer shows {found.group()!r}" if found else ""
    lacking = [name for name in (*SAFE_HEADERS, "X-Request-Id") if not _header(response, name.lower())]
    assert not lacking or case.path.startswith(("/health/", "/metrics")), f"the answer has no {lacking}"


def _has(told: Any, fields: Mapping[str, type]) -> None:  # Any: JSON
    assert isinstance(told, dict), told
    wrong = [name for name, kind in fields.items() if not isinstance(told.get(name), kind)]
    assert not wrong, f"{wrong} of {told}"


def _header(response: Response, name: str) -> str:
    return ", ".join(response.headers.get(name, []))


OWN = (
    refusal_is_a_problem,
    refusal_says_when_to_come_back,
    refused_method_names_the_others,
    nothing_of_our_insides_is_shown,
)
