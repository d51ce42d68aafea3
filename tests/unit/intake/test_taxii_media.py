"""What TAXII clients accept and send, and how they are told no."""

import json
from pathlib import Path

import pytest
from starlette.requests import Request

from libs.common.problems import FieldError, Problem
from services.intake.api.taxii.media import TAXII_JSON, require_acceptable, require_stix, taxii_error
from services.intake.app import build
from services.intake.settings import IntakeSettings


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    "accept",
    [
        "application/taxii+json;version=2.1",
        "application/taxii+json; version=2.1",
        'Application/TAXII+json; version="2.1"',
        "application/taxii+json",
        "*/*",
        "application/*;q=0.5",
        "text/html, application/taxii+json;version=2.1;q=0.001",
        "application/taxii+json;version=2.0, application/taxii+json;version=2.1",
        "",
    ],
)
def test_whoever_reads_taxii_or_anything_is_answered(accept: str) -> None:
    require_acceptable(request(accept=accept))


def test_whoever_does_not_say_what_they_read_is_answered() -> None:
    require_acceptable(request())


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "text/html",
        "application/taxii+json;version=2.0",
        "application/vnd.oasis.taxii+json; version=2.0",
        "application/taxii+json;version=2.1;q=0",
        "*/*;q=0.000",
        "taxii",
    ],
)
def test_whoever_reads_something_else_is_told_what_to_ask_for(accept: str) -> None:
    with pytest.raises(Problem) as refused:
        require_acceptable(request(accept=accept))

    assert (refused.value.status, refused.value.code) == (406, "not-acceptable")
    assert "application/taxii+json;version=2.1" in refused.value.detail


@pytest.mark.parametrize(
    "content_type",
    [
        "application/taxii+json;version=2.1",
        "application/taxii+json; version=2.1; charset=utf-8",
        "application/taxii+json",
        "application/stix+json; version=2.1",
    ],
)
def test_stix_is_taken_as_taxii_and_as_stix(content_type: str) -> None:
    require_stix(request(content_type=content_type))


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "application/taxii+json;version=2.0", "application/vnd.oasis.stix+json; version=2.0"],
)
def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    with pytest.raises(Problem) as refused:
        require_stix(request(content_type=content_type))

    assert (refused.value.status, refused.value.code) == (415, "unsupported-media-type")


def test_a_problem_becomes_an_error_message_of_taxii_with_all_violations() -> None:
    errors = [FieldError(where=f"record {number}", code="invalid-ip", message="no address") for number in (1, 2)]
    problem = Problem(422, "all-records-rejected", "We can't take this", errors=errors, headers={"Retry-After": "3"})

    answer = taxii_error(problem)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/taxii+json;version=2.1"
    assert answer.headers["retry-after"] == "3"
    assert json.loads(bytes(answer.body)) == {
        "title": "We can't take this",
        "description": "We can't take this",
        "error_code": "all-records-rejected",
        "http_status": "422",
        "details": {
            "errors": [
                {"where": "record 1", "code": "invalid-ip", "message": "no address"},
                {"where": "record 2", "code": "invalid-ip", "message": "no address"},
            ]
        },
    }


def test_who_comes_without_a_key_learns_of_all_ways_to_send_one() -> None:
    answer = taxii_error(Problem(401, "unauthorised", "Who are you?", headers={"WWW-Authenticate": "Bearer"}))

    assert answer.headers.getlist("www-authenticate") == ['Bearer, Basic realm="tocsin", charset="UTF-8"']


async def test_programs_can_read_what_each_endpoint_takes_and_answers(tmp_path: Path) -> None:
    service = build(
        IntakeSettings(
            http_port=1,
            database_url="postgresql://nobody@127.0.0.1:1/nothing",
            kafka_bootstrap="127.0.0.1:1",
            operator_public_key="A" * 43 + "=",
            payload_dir=tmp_path,
        )
    )
    shown = service.api.openapi()
    operations = {
        (method, path): operation
        for path, methods in shown["paths"].items()
        if path.startswith("/taxii2")
        for method, operation in methods.items()
    }

    assert all(path.endswith("/") for _, path in operations)
    assert {
        media_type
        for operation in operations.values()
        for answer in operation["responses"].values()
        for media_type in answer.get("content", {})
    } == {TAXII_JSON}
    push = operations["post", "/taxii2/intake/collections/{collection_id}/objects/"]
    assert push["requestBody"]["content"][TAXII_JSON]["schema"]["required"] == ["objects"]
    assert push["responses"]["202"]["content"][TAXII_JSON]["schema"] == {"$ref": "#/components/schemas/TaxiiStatus"}
    assert "TaxiiError" in shown["components"]["schemas"]
