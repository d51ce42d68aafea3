"""The published schema and the parser agree: what the one takes the other takes, and what it refuses is seen."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.contracts import Asset, Indicator, Product
from services.intake.api import formats
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, Record, RejectedRecord
from services.intake.domain.formats.tocsin.schema import SCHEMA

NOW = datetime(2026, 3, 2, tzinfo=UTC)
Json = Any  # what json.dumps takes
Path = tuple[str, ...]

# The schema bounds these only in length.
times = st.integers(int(datetime(2000, 1, 2, tzinfo=UTC).timestamp()), int(NOW.timestamp())).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat()
)
MEANINGFUL: dict[Path, st.SearchStrategy[Json]] = {
    ("seen_at",): times,
    ("first_seen_at",): times,
    ("asset", "ip"): st.sampled_from(["192.0.2.1", "2001:DB8::1", "198[.]51[.]100[.]7"]),
    ("asset", "domain"): st.sampled_from(["example.com", "www.Example.org", "xn--exmple-cua.com"]),
    ("asset", "url"): st.sampled_from(["https://example.com/x", "hxxp://192.0.2.1:81/"]),
    ("asset", "email"): st.sampled_from(["j@example.com", "j.doe@example.org"]),
    ("asset", "hostname"): st.sampled_from(["h1.example.net", "localhost"]),
}


def read(record: Json) -> Record:
    (found,) = FORMATS["tocsin-ndjson"].parse(iter([json.dumps(record).encode()]), ParseOptions(None, NOW))
    return found


def valid(schema: Json, path: Path = ()) -> st.SearchStrategy[Json]:
    """Whatever is valid under those words of JSON Schema that ours uses."""
    if path in MEANINGFUL:
        return MEANINGFUL[path]
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object" if "properties" in schema:
            return members(schema, path)
        case "object":
            return st.dictionaries(st.text(), valid(schema["additionalProperties"], path), max_size=5)
        case "array":
            return st.lists(valid(schema["items"], path), max_size=schema["maxItems"])
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"].replace("$", r"\Z"))
        case "string":
            return st.text(max_size=schema["maxLength"])
    return st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    )


def members(schema: Json, path: Path) -> st.SearchStrategy[Json]:
    choices = {name: valid(each, (*path, name)) for name, each in schema["properties"].items()}

    def with_required(names: list[str]) -> st.SearchStrategy[Json]:
        return st.fixed_dictionaries(
            {name: choices[name] for name in names},
            optional={name: each for name, each in choices.items() if name not in names},
        )

    required = schema.get("required", [])
    alternatives = [[*required, *each["required"]] for each in schema.get("anyOf", [{"required": []}])]
    return st.one_of([with_required(names) for names in alternatives])


@settings(max_examples=300, deadline=None)
@given(valid(SCHEMA))
def test_what_the_schema_takes_is_read(record: Json) -> None:
    assert isinstance(read(record), ParsedRecord), read(record)


SIMPLE: dict[str, Callable[[Json], Json]] = {
    "type": lambda name: "x" if name in ("object", "array", "integer") else {"a": []},
    "format": lambda _: "2026-03-01T04:05:06",
    "pattern": lambda _: "Ü",
    "maxLength": lambda limit: "x" * (limit + 1),
    "minimum": lambda limit: limit - 1,
    "maximum": lambda limit: limit + 1,
    "enum": lambda _: "nothing of the kind",
    "const": lambda _: "nothing of the kind",
    "maxItems": lambda limit: ["CVE-2026-1234"] * (limit + 1),
    "maxProperties": lambda limit: {f"k{n}": "x" for n in range(limit + 1)},
    "anyOf": lambda _: {"hostname": "h1.example.net"},
}
"""For each word of JSON Schema that ours uses, a value that breaks it."""


def violations(schema: Json) -> Iterator[tuple[str, Json]]:
    """What the schema forbids and a value that breaks just that, as it stands in a value that does not."""
    for word, limit in schema.items():
        if word in SIMPLE:
            yield word, SIMPLE[word](limit)
        elif word == "items":
            yield from ((f"items: {inner}", [value]) for inner, value in violations(limit))
        elif word == "additionalProperties":
            inside = violations(limit) if limit else [("none", 1)]
            yield from ((f"others: {inner}", {"surprise": value}) for inner, value in inside)
        elif word == "properties":
            for name, each in limit.items():
                yield from ((f"{name}: {inner}", {name: value}) for inner, value in violations(each))


GOOD = {"seen_at": "2026-03-01T04:05:06Z", "category": "fraud/phishing", "identifier": "phish"}
ASSET = {"ip": "192.0.2.1"}
BROKEN = {name: value for name, value in violations(SCHEMA) if name != "type"}


@pytest.mark.parametrize("name", list(BROKEN))
def test_what_the_schema_refuses_is_refused_or_told(name: str) -> None:
    """Context that does not fit is left out with a warning; `extra` is cut, and marked as cut."""
    broken = BROKEN[name]
    asset = broken.get("asset", ASSET)
    if isinstance(asset, dict) and name != "asset: anyOf":
        asset = ASSET | asset

    found = read(GOOD | broken | {"asset": asset})

    assert isinstance(found, RejectedRecord) or found.warnings or "_truncated" in found.indicator.extra


@pytest.mark.parametrize("name", [*GOOD, "asset"])
def test_what_the_schema_requires_is_required(name: str) -> None:
    whole = GOOD | {"asset": ASSET}
    del whole[name]

    assert name in SCHEMA["required"]  # type: ignore[operator]  # a JSON document
    assert isinstance(read(whole), RejectedRecord)


def test_the_schema_has_the_fields_of_an_indicator() -> None:
    schema: Json = SCHEMA

    assert schema["properties"].keys() == set(Indicator.__struct_fields__)
    assert schema["properties"]["asset"]["properties"].keys() == set(Asset.__struct_fields__)
    assert schema["properties"]["product"]["properties"].keys() == set(Product.__struct_fields__)


async def test_the_list_of_formats_gives_the_schema_of_those_that_have_one() -> None:
    app = FastAPI()
    app.include_router(formats.routes())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake") as client:
        answer = (await client.get("/v1/formats")).json()

    assert [item["name"] for item in answer["items"]] == list(FORMATS)
    assert {item["name"]: item["schema"] for item in answer["items"] if item["schema"]} == {
        "tocsin-json": SCHEMA,
        "tocsin-ndjson": SCHEMA,
    }
