"""XARF's own sample reports are read, and our table of types says what XARF's own schemas say."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.common.contracts import Asset
from libs.common.vocabulary import Severity
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, Record, recognise
from services.intake.domain.formats.xarf.types import KINDS
from services.intake.domain.hints import Hints
from tests.unit.intake.xarf_reports import HEAD, Json, errors

FACTS = Path(__file__).parents[4] / "shared" / "data"
SAMPLES = sorted((FACTS / "xarf").glob("*.json"))
SCHEMAS = sorted((FACTS / "xarf-schemas" / "v4" / "types").glob("*.json"))
NOW = datetime(2026, 3, 2, tzinfo=UTC)

needs_samples = pytest.mark.skipif(not SAMPLES, reason="XARF's sample reports are not here")
needs_schemas = pytest.mark.skipif(not SCHEMAS, reason="XARF's schemas are not here")


def read(sample: Path) -> Record:
    body = sample.read_bytes()
    found = recognise(body, Hints(content_type="application/json"))
    assert found.format.name == "xarf"
    (record,) = found.format.parse(iter([body]), ParseOptions(None, NOW))
    return record


def parts(schema: Json) -> Iterator[Json]:
    """The schema's own part, and that of the schemas in its folder that it builds on."""
    for part in schema.get("allOf", [schema]):
        reference = str(part.get("$ref", ""))
        if reference.startswith("./"):
            yield from parts(json.loads((SCHEMAS[0].parent / reference).read_text()))
        elif not reference:
            yield part


@needs_samples
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_every_sample_is_read(sample: Path) -> None:
    record, said = read(sample), json.loads(sample.read_text())

    assert isinstance(record, ParsedRecord), record
    assert record.indicator.asset.key == said["source_identifier"]
    assert record.indicator.extra["report_type"] == f"{said['category']}/{said['type']}"
    assert all(item["payload"] not in repr(record) for item in said["evidence"])


@needs_samples
def test_what_is_wrong_with_the_samples_is_known() -> None:
    records = [record for record in map(read, SAMPLES) if isinstance(record, ParsedRecord)]

    assert len(records) == 18
    assert Counter(w.code for r in records for w in r.warnings) == {"hash-mismatch": 7, "redacted-secret": 1}


@needs_samples
def test_a_vulnerability_reads_as_it_was_meant() -> None:
    record = read(FACTS / "xarf" / "vulnerability-cve.json")

    assert isinstance(record, ParsedRecord)
    assert record.indicator.asset == Asset(ip="172.16.1.200", port=8080)
    assert (record.indicator.severity, record.indicator.identifier) == (Severity.CRITICAL, "cve-2023-12345")


@needs_samples
def test_all_samples_may_come_in_one_payload() -> None:
    lines = "\n".join(json.dumps(json.loads(sample.read_text())) for sample in SAMPLES)

    records = list(FORMATS["xarf"].parse(iter([lines.encode()]), ParseOptions(None, NOW)))

    assert [record.record for record in records if isinstance(record, ParsedRecord)] == list(range(1, 19))


@needs_schemas
def test_there_is_a_row_for_every_schema() -> None:
    types = []
    for schema in SCHEMAS:
        properties = {k: v for part in parts(json.loads(schema.read_text())) for k, v in part["properties"].items()}
        if "const" in properties.get("type", {}):
            types.append((properties["category"]["const"], properties["type"]["const"]))

    assert sorted(types) == sorted(KINDS)


@needs_schemas
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.stem)
def test_a_type_requires_what_its_schema_requires(schema: Path) -> None:
    own = list(parts(json.loads(schema.read_text())))
    properties = {name: said for part in own for name, said in part["properties"].items()}
    required = {name for part in own for name in part.get("required", [])}
    required |= {"swarm_info", "message_info"} & {
        n for part in own for one in part.get("anyOf", []) for n in one["required"]
    }
    if "const" not in properties.get("type", {}):
        return
    kind = KINDS[properties["category"]["const"], properties["type"]["const"]]

    assert set(kind.requires) == required - {"url"}
    assert set(kind.requires_then) == {name for part in own for name in part.get("then", {}).get("required", [])}


@needs_schemas
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.stem)
def test_every_word_that_a_schema_allows_is_allowed(schema: Path) -> None:
    properties = {k: v for part in parts(json.loads(schema.read_text())) for k, v in part["properties"].items()}
    if "const" not in properties.get("type", {}):
        return
    category, name = properties["category"]["const"], properties["type"]["const"]
    for field in KINDS[category, name].requires:
        said = properties[field]
        for word in said.get("enum", []):
            assert field not in dict(errors({**HEAD, "category": category, "type": name, field: word, "confidence": 2}))
        for word in said.get("items", {}).get("enum", []):
            assert field not in dict(
                errors({**HEAD, "category": category, "type": name, field: [word], "confidence": 2})
            )
        if "enum" in said:
            assert field in dict(errors({**HEAD, "category": category, "type": name, field: "no such word"}))
