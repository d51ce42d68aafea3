"""TAXII's media type both ways, and its form of errors. Source: TAXII 2.1, sections on these."""

import re
from email.message import Message
from http import HTTPStatus

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from libs.common.problems import Problem

VERSION = "2.1"
TAXII_JSON = f"application/taxii+json;version={VERSION}"
STIX_JSON = f"application/stix+json;version={VERSION}"

# OpenCTI's connector says STIX of what it sends, which it is.
TAKEN_TYPES = frozenset({"application/taxii+json", "application/stix+json"})
ACCEPTED_TYPES = frozenset({"application/taxii+json", "application/*", "*/*"})
NEVER = re.compile(r"0(\.0*)?")
CHALLENGES = 'Bearer, Basic realm="tocsin", charset="UTF-8"'


class TaxiiResponse(JSONResponse):
    """JSON as TAXII clients insist on it: without the version in the type they don't read it."""

    media_type = TAXII_JSON


def require_acceptable(request: Request) -> None:
    """Refuse a client that reads no TAXII 2.1; one that doesn't say what it reads is no such client."""
    accepted = ",".join(request.headers.getlist("accept"))
    if accepted.strip() and not any(_is_read_by(part) for part in accepted.split(",")):
        raise Problem(406, "not-acceptable", "You don't accept what we answer", f"Send `Accept: {TAXII_JSON}`.")


def require_stix(request: Request) -> None:
    """Refuse a body that says that it is something else."""
    content_type = _parsed(request.headers.get("content-type", ""))
    if not (content_type.get_content_type() in TAKEN_TYPES and _is_of_version(content_type)):
        message = f"Send `Content-Type: {TAXII_JSON}`."
        raise Problem(415, "unsupported-media-type", "That is not what TAXII 2.1 sends", message)


def taxii_error(problem: Problem) -> Response:
    """A problem as TAXII's error message; all violations are in its `details`."""
    body = {
        "title": problem.title,
        "description": problem.detail or problem.title,
        "error_code": problem.code,
        "http_status": str(problem.status),
        **({"details": {"errors": problem.errors}} if problem.errors else {}),
    }
    challenge = {"WWW-Authenticate": CHALLENGES} if problem.status == HTTPStatus.UNAUTHORIZED else {}
    return Response(
        msgspec.json.encode(body),
        status_code=problem.status,
        media_type=TAXII_JSON,
        headers={**problem.headers, **challenge},
    )


def _is_read_by(part: str) -> bool:
    accepted = _parsed(part)
    is_wanted = NEVER.fullmatch(_parameter(accepted, "q")) is None
    return is_wanted and accepted.get_content_type() in ACCEPTED_TYPES and _is_of_version(accepted)


def _is_of_version(media_type: Message) -> bool:
    return _parameter(media_type, "version") in ("", VERSION)


def _parameter(media_type: Message, name: str) -> str:
    value = media_type.get_param(name)
    return value.strip() if isinstance(value, str) else ""


def _parsed(media_type: str) -> Message:
    """As the standard library reads it; whatever is wrong with it makes it text/plain."""
    message = Message()
    message["Content-Type"] = media_type
    return message
