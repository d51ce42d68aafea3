"""The OpenAPI documents are what a partner's engineer can build on: nothing without words, no answer without a form."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from libs.common import health
from libs.common.openapi import PROBLEM_TYPE, SCHEMES
from tests.architecture.test_edges import SERVICES, built

METHODS = {"get", "put", "post", "patch", "delete"}
PROBLEM = {"$ref": "#/components/schemas/Problem"}
TAXII = "/taxii2/"
TAXII_TYPE = "application/taxii+json;version=2.1"
PUBLIC = {
    "intake": {"GET /v1/formats"},
    "attribution": {"GET /claims/{token}", "POST /claims/{token}"},
    "feedback": {
        "GET /",
        "GET /v1/statistics",
        "GET /verify",
        "GET /verify/{reference}",
        "GET /register",
        "POST /register",
        *(f"{method} /{page}/{{token}}" for page in ("f", "r", "u", "register") for method in ("GET", "POST")),
    },
}
HEALTH = {"GET /health/live", "GET /health/ready", "GET /metrics"}

Json = dict[str, Any]  # Any: a part of an OpenAPI document


@cache
def document(service: str) -> Json:
    api = built(service).api
    api.include_router(health.routes({}))
    return api.openapi()


def operations(service: str) -> Iterator[tuple[str, Json]]:
    for path, methods in document(service)["paths"].items():
        for method in METHODS & methods.keys():
            yield f"{method.upper()} {path}", methods[method]


every_service = pytest.mark.parametrize("service", SERVICES)


@every_service
async def test_every_operation_is_told_in_words(service: str) -> None:
    silent = [
        name
        for name, told in operations(service)
        if not all(told.get(key) for key in ("summary", "description", "tags"))
    ]
    assert not silent, "a docstring of the endpoint is its description here"


@every_service
async def test_every_operation_has_an_id_of_its_own(service: str) -> None:
    ids = [told["operationId"] for _, told in operations(service)]
    assert len(ids) == len(set(ids))


@every_service
async def test_every_operation_says_who_may_call_it_or_is_known_to_be_public(service: str) -> None:
    known = document(service)["components"]["securitySchemes"]
    open_to_all = set()
    for name, told in operations(service):
        wanted = {scheme for way in told.get("security", ()) for scheme in way}
        assert wanted <= known.keys()
        if not wanted:
            open_to_all.add(name)
        else:
            assert {"401", "403"} <= told["responses"].keys(), name
    assert open_to_all == HEALTH | PUBLIC.get(service, set())


async def test_a_partner_may_come_with_a_bearer_or_with_a_password() -> None:
    schemes = document("intake")["components"]["securitySchemes"]
    assert schemes == {name: scheme for each in SCHEMES.values() for name, scheme in each.items()}
    assert dict(operations("intake"))["POST /v1/submissions"]["security"] == [
        {"partner-key": []},
        {"partner-key-as-password": []},
    ]


@every_service
async def test_every_refusal_is_documented_as_a_problem(service: str) -> None:
    for name, told in operations(service):
        for status, answer in told["responses"].items():
            if status < "400" or name == "GET /health/ready":
                continue
            assert answer["description"]
            if TAXII in name:
                schema = answer["content"][TAXII_TYPE]["schema"]
                assert schema == {"$ref": "#/components/schemas/TaxiiError"}, f"{name} {status}"
            else:
                assert answer["content"][PROBLEM_TYPE]["schema"] == PROBLEM, f"{name} {status}"
                assert answer["content"].keys() <= {PROBLEM_TYPE, "text/html"}, f"{name} {status}"
            assert status not in ("429", "503") or "Retry-After" in answer["headers"], f"{name} {status}"


@every_service
async def test_every_operation_documents_what_its_parameters_can_be_refused_for(service: str) -> None:
    for name, told in operations(service):
        statuses = told["responses"].keys()
        if told.get("parameters") or "requestBody" in told:
            assert "422" in statuses, name
        if "{" in name:
            assert "404" in statuses, name
        if "requestBody" in told:
            assert "413" in statuses, name
        if any(parameter["name"] == "cursor" for parameter in told.get("parameters", ())):
            assert "400" in statuses, name


WITHOUT_BODY = ("204", "303")


@every_service
async def test_every_answer_that_has_a_body_has_a_media_type(service: str) -> None:
    for name, told in operations(service):
        for status, answer in told["responses"].items():
            assert status in WITHOUT_BODY or answer.get("content"), f"{name} {status}"


@every_service
async def test_no_schema_is_named_that_is_not_there(service: str) -> None:
    whole = document(service)
    named = set(_references(whole))
    there = {f"#/components/schemas/{name}" for name in whole["components"]["schemas"]}
    assert named <= there
    assert PROBLEM["$ref"] in named


async def test_a_push_is_shown_in_every_format() -> None:
    bodies = dict(operations("intake"))["POST /v1/submissions"]["requestBody"]["content"]
    shown = {name for body in bodies.values() for name in body.get("examples", ())}
    formats = {"shadowserver-csv", "tocsin-ndjson", "stix", "mail"}
    assert formats <= shown
    assert {"text/csv", "application/json", "application/octet-stream"} <= bodies.keys()


def _references(part: object) -> Iterator[str]:
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for below in part.values():
                yield from _references(below)
        case list():
            for below in part:
                yield from _references(below)
