"""What a document says nothing of: values that no schema names, in every parameter and every body, one at a time."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from schemathesis import APIOperation
from schemathesis.core.transport import HttpMethod

from libs.common.paging import encode_cursor
from tests.fuzz.apis.rules import AnyCase

Operation = APIOperation[Any, Any, Any, Any]  # Any: the same for all of OpenAPI
Sent = dict[str, Any]  # Any: what `requests` takes beside the case

AN_ID = str(UUID(int=7))
LONG_AGO, FAR_AHEAD = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"
TEXTS = (
    "",
    "a\0b",
    "\u202e\ufeff\x7f",
    "💣" * 600,
    "9" * 400,
    "-1",
    "1e400",
    "NaN",
    LONG_AGO,
    FAR_AHEAD,
    "0000-00-00",
    "' OR 1=1 --",
    "..%2f..%2fetc%2fpasswd",
    "%ED%A0%80%00",
    AN_ID,
)
CURSORS = (
    *(encode_cursor(value) for value in (*TEXTS, 2**63, -(10**30))),
    *(encode_cursor(at, AN_ID) for at in (LONG_AGO, FAR_AHEAD, "2026-03-01T04:05:06", "a\0b")),
    encode_cursor(),
    "W10K" * 100,
)
VALUES: tuple[object, ...] = (*TEXTS, 2**63, -(2**31) - 1, 1e308, True, None, [], [[None]], {}, {"a\0": "\0"})
BODIES = (
    b"",
    b"null",
    b"[]",
    b'"\\u0000"',
    b"{",
    b"\xff\xfe{",
    b'{"\\ud800": "\\udfff"}',
    b'{"a": NaN, "b": 1e999}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b"[" * 5000,
    b'{"a": ' * 5000,
    json.dumps({"name": "a\0"}).encode("utf-16"),
    b"a=%00&useful=%ff&kind=fixed&threat=%00&text=%ED%A0%80",
    b"\x1f\x8b\x08\x00",
    b"PK\x03\x04",
)
MEDIA_TYPES = ("application/json", "application/xml", "text/csv; charset=utf-7", "multipart/form-data", "/;;=", "")
HEADERS: tuple[dict[str, str], ...] = (
    {"Accept": "image/png, text/html;q=nothing"},
    {"Accept-Language": "a" * 1000 + ";q=1e999, nl;q=NaN"},
    {"traceparent": "00-" + "f" * 32 + "-" + "g" * 16 + "-01"},
    {"traceparent": "00-" + "0" * 32 + "-" + "0" * 16 + "-é"},
    {"X-Request-Id": "é" * 65},
    {"X-Forwarded-For": "not, an, address, ::ffff:999.1.1.1"},
    {"Content-Disposition": "attachment; filename*=utf-8''%ff%00%ed; filename=\"..\\..\\a\""},
    {"Content-Encoding": "gzip, br, \x80"},
    {"Idempotency-Key": "\x80 é"},
    {"Range": "bytes=-0, 5-1, a-b"},
    {"If-Range": "0", "Range": "bytes=9999999999999999999999-"},
)
UNHEARD_OF: tuple[HttpMethod, ...] = ("TRACE", "HEAD", "OPTIONS")
NOBODIES = (
    "Bearer",
    "Bearer ",
    "Basic =",
    "Basic dGNrXzp0Y2tf",
    "Token tck_\x80",
    "Bearer a.b.c",
    "Digest " + "x" * 5000,
)


def oddities(operation: Operation) -> Iterator[tuple[AnyCase, Sent]]:
    """Each odd thing once, with all else as it should be."""
    usual = _usual(operation)
    yield operation.Case(path_parameters=usual), {}
    for name in usual:
        for text in TEXTS[1:]:
            yield operation.Case(path_parameters={**usual, name: text}), {}
    for parameter in operation.query:
        for text in CURSORS if parameter.name == "cursor" else TEXTS:
            yield operation.Case(path_parameters=usual, query={parameter.name: text}), {}
    for headers in HEADERS:
        yield (
            operation.Case(path_parameters=usual),
            {"headers": {name: text.encode() for name, text in headers.items()}},
        )
    for credential in NOBODIES:
        yield operation.Case(path_parameters=usual), {"headers": {"Authorization": credential.encode()}}
    for method in UNHEARD_OF:
        yield operation.Case(method=method, path_parameters=usual), {}
    if operation.body:
        yield from _bodies(operation, usual)


def _bodies(operation: Operation, usual: dict[str, str]) -> Iterator[tuple[AnyCase, Sent]]:
    declared = next(iter(operation.body)).media_type
    for body in BODIES:
        yield operation.Case(path_parameters=usual), {"data": body, "headers": {"Content-Type": declared}}
    for media_type in MEDIA_TYPES:
        yield operation.Case(path_parameters=usual), {"data": b'{"a": 1}', "headers": {"Content-Type": media_type}}
    for name in _fields(operation):
        for value in VALUES:
            body = json.dumps({name: value}).encode()
            yield operation.Case(path_parameters=usual), {"data": body, "headers": {"Content-Type": declared}}


def _usual(operation: Operation) -> dict[str, str]:
    """An id wherever the path has a parameter; an enumeration's first value where it wants one of those."""
    return {
        parameter.name: str(parameter.definition["schema"].get("enum", [AN_ID])[0])
        for parameter in operation.path_parameters
    }


def _fields(operation: Operation) -> Iterator[str]:
    """The names that a JSON body can have at its top."""
    document = operation.schema.raw_schema
    schemas = document["components"]["schemas"]
    for body in document["paths"][operation.path][operation.method]["requestBody"]["content"].values():
        waiting = [body["schema"]]
        while waiting:
            schema = waiting.pop()
            waiting += schema.get("anyOf", [])
            if "$ref" in schema:
                waiting.append(schemas[schema["$ref"].rpartition("/")[2]])
            yield from schema.get("properties", ())
