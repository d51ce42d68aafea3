"""OpenAPI documents that can be relied on: who may call each operation, and every refusal, in the form that it has."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, Field

from libs.common.security import Credential

Json = dict[str, Any]
"""Any: a part of an OpenAPI document."""

BINARY_BODY: Json = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""Of a route that takes a file, whatever its header calls it."""

PROBLEM_TYPE = "application/problem+json"
PAGE_TYPE = "text/html"
SCHEMAS = "#/components/schemas/"

SCHEMES: Mapping[Credential, Mapping[str, Json]] = {
    Credential.OPERATOR_TOKEN: {
        "operator-token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of the console, which names the operator and their role",
        },
    },
    Credential.PARTNER_KEY: {
        "partner-key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A partner's key, `tck_…`. `Authorization: Token tck_…` is taken as well",
        },
        "partner-key-as-password": {
            "type": "http",
            "scheme": "basic",
            "description": "The same key as the password, with any user name: some clients can't send it otherwise",
        },
    },
}

MEANINGS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "The request can't be read",
    HTTPStatus.UNAUTHORIZED: "No key or token, or one that does not open",
    HTTPStatus.FORBIDDEN: "This key or role may not do this",
    HTTPStatus.NOT_FOUND: "There is no such thing, or it is another's",
    HTTPStatus.REQUEST_TIMEOUT: "The body stalled",
    HTTPStatus.CONFLICT: "It can't be done as things are now",
    HTTPStatus.GONE: "It is part of another one now, to which `Location` leads",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than is taken here",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Nothing that is read here, or it is not clear what; `detail` has the choice",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Not valid; `errors` has all that is wrong",
    HTTPStatus.TOO_MANY_REQUESTS: "Too much at once; come back after `Retry-After` seconds",
    HTTPStatus.SERVICE_UNAVAILABLE: "Something that is needed is away or full; come back after `Retry-After` seconds",
}
COME_BACK_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
RETRY_AFTER: Json = {"Retry-After": {"description": "Seconds", "required": True, "schema": {"type": "integer"}}}


class Violation(BaseModel):
    """One thing that is wrong: where, its code, and a sentence."""

    where: str
    code: str
    message: str


class Problem(BaseModel):
    """Why a request is refused (RFC 9457). The last part of `type` is its code, explained in docs/problems.md."""

    type: str = Field(description="`/problems/` and the code")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for")
    errors: list[Violation] = Field(description="All that is wrong, at once")


def refusals(*statuses: int) -> dict[int | str, Json]:
    """`responses` of a route whose own reasons to refuse can't be told from its parameters."""
    return {status: _refusal(status) for status in statuses}


def content(*media_types: str) -> Json:
    """An answer that is not JSON, for `responses`."""
    return {"content": {media_type: {"schema": {"type": "string"}} for media_type in media_types}}


class DocumentedApi(FastAPI):
    """An API whose document has what follows from its manners: FastAPI knows neither our problems nor who may call."""

    def openapi(self) -> Json:
        document = super().openapi()
        foreign: Iterable[str] = self.state.problem_dialects
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for context in iter_route_contexts(self.routes):
            if isinstance(context.original_route, APIRoute) and context.include_in_schema:
                path = str(context.path_format)
                for method in context.methods or ():
                    operation = document["paths"][path][method.lower()]
                    _say_who_may_call(document, operation, context.dependant)
                    if not any(path.startswith(f"{below}/") for below in foreign):
                        _say_how_it_refuses(operation, path)
                    for status in COME_BACK_LATER & {int(status) for status in operation["responses"]}:
                        operation["responses"][str(int(status))].setdefault("headers", RETRY_AFTER)
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas[Problem.__name__] = Problem.model_json_schema(ref_template=SCHEMAS + "{model}")
        schemas[Violation.__name__] = schemas[Problem.__name__].pop("$defs")[Violation.__name__]
        return document


def credentials_of(dependant: Dependant) -> Iterator[Credential]:
    """What opens a route, by its dependencies."""
    yield from getattr(dependant.call, "opens_with", ())
    for below in dependant.dependencies:
        yield from credentials_of(below)


def _say_who_may_call(document: Json, operation: Json, dependant: Dependant) -> None:
    schemes = {name: scheme for each in credentials_of(dependant) for name, scheme in SCHEMES[each].items()}
    if schemes:
        document["components"].setdefault("securitySchemes", {}).update(schemes)
        operation["security"] = [{name: []} for name in schemes]


def _say_how_it_refuses(operation: Json, path: str) -> None:
    responses = operation["responses"]
    own = {int(status) for status in responses if status.isdecimal() and int(status) >= HTTPStatus.BAD_REQUEST}
    own.discard(HTTPStatus.UNPROCESSABLE_ENTITY)  # FastAPI's, of a form that is not ours
    pages = any(PAGE_TYPE in answer.get("content", {}) for answer in responses.values())
    for status in sorted(_refuses_with(operation, path) - own):
        responses[str(status)] = _refusal(status)
    for status, answer in responses.items():
        if pages and int(status) >= HTTPStatus.BAD_REQUEST:
            answer["content"][PAGE_TYPE] = {"schema": {"type": "string"}}


def _refuses_with(operation: Json, path: str) -> set[int]:
    """The statuses that any route with such parameters can answer with."""
    found = {int(HTTPStatus.SERVICE_UNAVAILABLE)}
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    if "security" in operation:
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if any("partner-key" in way for way in operation.get("security", ())):
        found.add(HTTPStatus.TOO_MANY_REQUESTS)
    if "{" in path:
        found.add(HTTPStatus.NOT_FOUND)
    if parameters or "requestBody" in operation:
        found.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if "cursor" in parameters:
        found.add(HTTPStatus.BAD_REQUEST)
    if "requestBody" in operation:
        found |= {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    return found


def _refusal(status: int) -> Json:
    return {
        "description": MEANINGS[status],
        "content": {PROBLEM_TYPE: {"schema": {"$ref": SCHEMAS + Problem.__name__}}},
    }
