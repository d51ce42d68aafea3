"""STIX objects: every asset that one names becomes a record, with what the other objects of the payload say of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.contracts import Asset, Indicator
from libs.common.vocabulary import Tlp, Transport
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord
from services.intake.domain.partners import AssetsAre

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SEEN = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
Json = dict[str, Any]  # what json.dumps takes

TIMES: Json = {"spec_version": "2.1", "created": "2026-02-01T00:00:00.000Z", "modified": "2026-02-02T00:00:00.000Z"}
INDICATOR: Json = TIMES | {
    "type": "indicator",
    "id": "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f",
    "valid_from": "2026-03-01T04:05:06Z",
    "pattern_type": "stix",
    "pattern": "[ipv4-addr:value = '203.0.113.5']",
}
SOURCE: Json = {"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "203.0.113.1"}
DESTINATION: Json = {"type": "ipv4-addr", "id": "ipv4-addr--2", "value": "203.0.113.2"}
TRAFFIC: Json = {
    "type": "network-traffic",
    "id": "network-traffic--1",
    "src_ref": "ipv4-addr--1",
    "dst_ref": "ipv4-addr--2",
    "src_port": 50000,
    "dst_port": 443,
    "protocols": ["ipv4", "tcp", "https"],
}
OBSERVED: Json = TIMES | {
    "type": "observed-data",
    "id": "observed-data--1",
    "first_observed": "2026-02-03T00:00:00Z",
    "last_observed": "2026-03-01T04:05:06Z",
    "number_observed": 3,
    "object_refs": ["ipv4-addr--1"],
}
SIGHTING: Json = TIMES | {
    "type": "sighting",
    "id": "sighting--1",
    "first_seen": "2026-02-28T00:00:00Z",
    "last_seen": "2026-03-01T12:00:00Z",
    "count": 2,
    "sighting_of_ref": INDICATOR["id"],
}
MALWARE: Json = TIMES | {"type": "malware", "id": "malware--1", "name": "Example Bot", "is_family": True}
VULNERABILITY: Json = TIMES | {"type": "vulnerability", "id": "vulnerability--1", "name": "CVE-2024-0001"}
RED = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
GREEN = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"


def read(*objects: object, assets_are: AssetsAre = AssetsAre.ABUSED) -> list[Record]:
    return read_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}), assets_are=assets_are)


def read_text(body: str, *, assets_are: AssetsAre = AssetsAre.ABUSED) -> list[Record]:
    return list(FORMATS["stix"].parse(iter([body.encode()]), ParseOptions(None, NOW, assets_are=assets_are)))


def parsed(*others: Json, **members: object) -> ParsedRecord:
    """The only record, of the usual indicator with other members among other objects."""
    (record,) = read(*others, INDICATOR | members)
    assert isinstance(record, ParsedRecord), record
    return record


def errors(*others: Json, **members: object) -> list[tuple[str, str]]:
    (record,) = read(INDICATOR | members, *others)
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def found(records: list[Record]) -> list[tuple[int, str | None]]:
    """Number and address of each record, or the code of its first error."""
    return [(r.record, r.indicator.asset.ip if isinstance(r, ParsedRecord) else r.errors[0].code) for r in records]


def relationship(source: Json, target: Json, **members: object) -> Json:
    refs = {"source_ref": source["id"], "target_ref": target["id"]}
    return TIMES | {"type": "relationship", "id": "relationship--1", "relationship_type": "indicates"} | refs | members


def test_an_indicator_is_read_with_what_others_say_of_it() -> None:
    indicator = INDICATOR | {
        "pattern": "[ipv4-addr:value = '203.0.113.5' AND network-traffic:dst_port = 443]",
        "name": "C2 of Example Bot",
        "description": "First seen in a sandbox.",
        "labels": ['rsit:malicious-code="c2-server"', "botnet", "tlp:green"],
        "indicator_types": ["malicious-activity"],
        "confidence": 85,
        "created_by_ref": "identity--1",
        "valid_until": "2026-04-01T00:00:00Z",
    }

    records = read(
        relationship(INDICATOR, MALWARE), indicator, MALWARE, VULNERABILITY, relationship(INDICATOR, VULNERABILITY)
    )

    assert records == [
        ParsedRecord(
            record=2,
            line=1,
            indicator=Indicator(
                seen_at=SEEN,
                category="malicious-code/c2-server",
                identifier="c2-of-example-bot",
                asset=Asset(ip="203.0.113.5", port=443),
                cve_ids=("CVE-2024-0001",),
                tags=("botnet", "malicious-activity"),
                malware_name="Example Bot",
                confidence=42,
                tlp=Tlp.GREEN,
                description="C2 of Example Bot\nFirst seen in a sandbox.",
                extra={"stix_id": INDICATOR["id"], "created_by": "identity--1"},
            ),
        )
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "bundle", "id": "bundle--1", "objects": [INDICATOR]}, "objects[0].confidence"),
        ({"objects": [INDICATOR]}, "objects[0].confidence"),
        ({"more": False, "objects": [INDICATOR]}, "objects[0].confidence"),
        ([INDICATOR], "[0].confidence"),
        (INDICATOR, "confidence"),
    ],
)
def test_objects_come_in_all_shapes_in_which_stix_is_sent(body: object, field: str) -> None:
    (record,) = read_text("\ufeff" + json.dumps(body, indent=2))
    assert isinstance(record, ParsedRecord)
    assert record.indicator.asset == Asset(ip="203.0.113.5")

    (record,) = read_text(json.dumps(body).replace('"pattern":', '"confidence": 101, "pattern":'))
    assert isinstance(record, RejectedRecord)
    assert [(error.field, error.code) for error in record.errors] == [(field, "invalid-confidence")]


def test_every_asset_has_its_own_number_and_the_id_of_its_object() -> None:
    several = INDICATOR | {"id": "indicator--3", "pattern": "[ipv4-addr:value IN ('203.0.113.7', 'x', '203.0.113.9')]"}

    records = read(INDICATOR, MALWARE, several, INDICATOR, SOURCE, OBSERVED)

    assert found(records) == [
        *((1, "203.0.113.5"), (3, "203.0.113.7"), (4, "invalid-ip"), (5, "203.0.113.9")),
        *((6, "203.0.113.5"), (8, "203.0.113.1")),
    ]
    assert [r.indicator.extra["stix_id"] for r in records if isinstance(r, ParsedRecord)] == [
        *(INDICATOR["id"], "indicator--3", "indicator--3", INDICATOR["id"], "observed-data--1"),
    ]
    assert [r.errors[0].field for r in records if isinstance(r, RejectedRecord)] == ["objects[2].pattern.ip"]


@pytest.mark.parametrize("members", [{"revoked": True}, {"valid_until": "2026-03-01T00:00:00Z"}, {"confidence": 101}])
def test_numbers_do_not_depend_on_what_is_rejected(members: Json) -> None:
    several = INDICATOR | {"id": "indicator--3", "pattern": "[ipv4-addr:value IN ('203.0.113.7', '203.0.113.9')]"}

    assert [record.record for record in read(several | members, INDICATOR)] == [1, 3]
    assert [record.record for record in read(several, INDICATOR)] == [1, 2, 3]
    assert [record.record for record in read(several, INDICATOR, SOURCE, assets_are=AssetsAre.HOSTILE)] == [1, 4]


def test_records_know_the_line_they_start_at() -> None:
    body = f'{{"objects": [\n{json.dumps(INDICATOR)},\n\n{json.dumps(INDICATOR)}]}}'

    assert [(r.record, r.line) for r in read_text(body)] == [(1, 2), (2, 4)]


@pytest.mark.parametrize(
    ("kind", "value", "asset"),
    [
        ("ipv4-addr", "203.0.113.5", Asset(ip="203.0.113.5")),
        ("ipv4-addr", "203.0.113.5/32", Asset(ip="203.0.113.5")),
        ("ipv6-addr", "2001:DB8::10", Asset(ip="2001:db8::10")),
        ("domain-name", "www[.]example[.]com", Asset(domain="www.example.com")),
        ("url", "hxxp://example.com/a", Asset(url="http://example.com/a")),
        ("email-addr", "j.doe@example.com", Asset(email="j.doe@example.com")),
        ("autonomous-system", 64500, Asset(asn=64500)),
    ],
)
def test_each_observable_names_its_asset(kind: str, value: str | int, asset: Asset) -> None:
    observable = {"type": kind, "id": f"{kind}--1", "number" if kind == "autonomous-system" else "value": value}

    records = read(OBSERVED | {"object_refs": [f"{kind}--1"]}, observable)

    assert [r.indicator.asset for r in records if isinstance(r, ParsedRecord)] == [asset]


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        ("ipv4-addr", "junk", ("objects[0].object_refs.ip", "invalid-ip")),
        ("ipv4-addr", None, ("objects[0].object_refs.ip", "invalid-ip")),
        ("ipv4-addr", ["203.0.113.5"], ("objects[0].object_refs.ip", "invalid-ip")),
        ("ipv4-addr", 5, ("objects[0].object_refs.ip", "invalid-type")),
        ("ipv4-addr", "203.0.113.0/24", ("objects[0].object_refs.ip", "network-too-large")),
        ("domain-name", "localhost", ("objects[0].object_refs.domain", "invalid-domain")),
        ("url", "javascript:alert(1)", ("objects[0].object_refs.url", "invalid-url")),
        ("email-addr", "J <j@example.com>", ("objects[0].object_refs.email", "invalid-email")),
        ("autonomous-system", "64500", ("objects[0].object_refs.asn", "invalid-asn")),
        ("file", "x", ("objects[0].object_refs", "no-asset")),
    ],
)
def test_an_observable_that_is_not_what_it_says_rejects_the_record(
    kind: str, value: object, error: tuple[str, str]
) -> None:
    name = "number" if kind == "autonomous-system" else "value"
    record = read(OBSERVED | {"object_refs": [f"{kind}--1"]}, {"type": kind, "id": f"{kind}--1", name: value})[0]

    assert isinstance(record, RejectedRecord)
    assert [(each.field, each.code) for each in record.errors] == [error]


def test_observed_data_is_a_record_for_each_asset_that_it_refers_to() -> None:
    domain = {"type": "domain-name", "id": "domain-name--1", "value": "example.com"}
    refs = ["domain-name--1", "ipv4-addr--1", "ipv4-addr--1", "file--1", "ipv4-addr--missing"]

    first, second = read(domain, OBSERVED | {"object_refs": refs}, SOURCE)

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert [(first.record, first.indicator.asset), (second.record, second.indicator.asset)] == [
        (2, Asset(domain="example.com")),
        (3, Asset(ip="203.0.113.1")),
    ]
    assert (first.indicator.seen_at, first.indicator.first_seen_at) == (SEEN, datetime(2026, 2, 3, tzinfo=UTC))
    assert first.indicator.extra == {"stix_id": "observed-data--1", "count": "3"}


def test_of_two_that_talk_the_one_that_listens_is_the_asset() -> None:
    observed = OBSERVED | {"object_refs": ["ipv4-addr--1", "network-traffic--1", "ipv4-addr--2"]}

    (record,) = read(observed, SOURCE, DESTINATION, TRAFFIC)

    assert isinstance(record, ParsedRecord)
    assert record.indicator.asset == Asset(ip="203.0.113.2", port=443, transport=Transport.TCP)
    assert record.indicator.extra == {
        "stix_id": "observed-data--1",
        "count": "3",
        "source_port": "50000",
        "source_ip": "203.0.113.1",
    }


def test_where_only_the_one_that_talks_is_named_it_is_the_asset_and_nothing_listens_there() -> None:
    (record,) = read(OBSERVED | {"object_refs": ["network-traffic--1"]}, SOURCE, TRAFFIC)

    assert isinstance(record, ParsedRecord)
    assert record.indicator.asset == Asset(ip="203.0.113.1", transport=Transport.TCP)
    assert record.indicator.extra["destination_port"] == "443"


@pytest.mark.parametrize("port", [0, 70000, "https", [443], True])
def test_a_port_that_is_none_rejects_the_record(port: object) -> None:
    record = read(OBSERVED | {"object_refs": ["network-traffic--1"]}, DESTINATION, TRAFFIC | {"dst_port": port})[0]

    assert isinstance(record, RejectedRecord)
    assert [(error.field, error.code) for error in record.errors] == [("objects[0].object_refs.port", "invalid-port")]


def test_observed_data_of_version_2_0_holds_its_observables() -> None:
    def embedding(address: str) -> Json:
        held = {"0": {"type": "ipv4-addr", "value": address}, "1": {"type": "network-traffic", "dst_ref": "0"}, "2": 3}
        return OBSERVED | {"object_refs": None, "objects": held}

    assert found(read(embedding("203.0.113.1"), embedding("203.0.113.2"))) == [(1, "203.0.113.1"), (2, "203.0.113.2")]


def test_a_sighting_speaks_for_the_data_that_was_observed_and_for_what_was_sighted() -> None:
    indicator = INDICATOR | {"pattern": "[file:name = 'x']", "name": "Example", "labels": ['rsit:fraud="phishing"']}

    records = read(SIGHTING | {"observed_data_refs": ["observed-data--1"]}, OBSERVED, SOURCE, indicator)

    assert found(records) == [(1, "203.0.113.1"), (4, "unsupported-pattern")]
    assert isinstance(records[0], ParsedRecord)
    told = records[0].indicator
    assert (told.seen_at, told.first_seen_at) == (
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 2, 28, tzinfo=UTC),
    )
    assert (told.category, told.identifier, told.extra) == (
        *("fraud/phishing", "example"),
        {"stix_id": "sighting--1", "count": "2"},
    )


def test_a_sighting_without_observed_data_tells_when_its_indicator_was_last_seen() -> None:
    older = SIGHTING | {"last_seen": "2026-02-28T12:00:00Z"}
    none = SIGHTING | {"last_seen": "2026-03-01T23:00:00Z", "count": 0, "sighting_of_ref": "indicator--other"}

    records = read(SIGHTING, INDICATOR, older)

    assert found(records) == [(2, "203.0.113.5")]
    assert isinstance(records[0], ParsedRecord)
    assert records[0].indicator.seen_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert found(read(none, INDICATOR)) == [(1, "withdrawn"), (2, "203.0.113.5")]


def test_a_sighting_of_nothing_in_the_payload_is_rejected() -> None:
    assert found(read(SIGHTING)) == [(1, "no-asset")]
    assert found(read(SIGHTING | {"sighting_of_ref": "malware--1"}, MALWARE)) == [(1, "no-asset")]


def test_the_name_of_a_sighted_malware_is_kept() -> None:
    sighting = SIGHTING | {"sighting_of_ref": "malware--1", "observed_data_refs": ["observed-data--1"]}

    (record,) = read(MALWARE, OBSERVED, SOURCE, sighting)

    assert isinstance(record, ParsedRecord)
    assert (record.indicator.malware_name, record.indicator.identifier) == ("Example Bot", "example-bot")


@pytest.mark.parametrize("observable", [SOURCE, TRAFFIC | {"src_ref": "ipv4-addr--0"}])
def test_a_loose_observable_says_nothing_of_when(observable: Json) -> None:
    records = read(DESTINATION, observable, {"type": "x-note", "x_ref": "ipv4-addr--2"})

    assert found(records) == [(2, "missing-timestamp"), (3, "unsupported-type")]


CONTEXT = [
    *("extension-definition", "identity", "infrastructure", "malware", "marking-definition", "relationship", "report"),
    "vulnerability",
]


def test_context_is_no_record() -> None:
    objects = [{"type": kind, "id": f"{kind}--1", "object_refs": ["ipv4-addr--1"]} for kind in CONTEXT]

    assert found(read(*objects, SOURCE, INDICATOR)) == [(10, "203.0.113.5")]


def test_context_alone_has_no_records() -> None:
    assert read(*[{"type": kind, "id": f"{kind}--1"} for kind in CONTEXT]) == []


def test_objects_of_a_type_that_is_not_taken_are_told_once_with_their_number() -> None:
    records = read(*[{"type": kind} for kind in ("file", "campaign") for _ in range(1_000)], INDICATOR)

    assert found(records) == [(1, "unsupported-type"), (1_001, "unsupported-type"), (2_001, "203.0.113.5")]
    assert [r.errors[0].message for r in records if isinstance(r, RejectedRecord)] == [
        "'file' is not a type that names an asset (objects: 1000)",
        "'campaign' is not a type that names an asset (objects: 1000)",
    ]


def test_one_broken_object_is_one_rejected_record() -> None:
    good, large = json.dumps(INDICATOR), json.dumps(INDICATOR | {"description": "x" * 1_100_000})

    records = read_text(f'{{"objects": [{good}, 3, {{"a": nope}}, {large}, [], {good}]}}')

    assert found(records) == [
        *((1, "203.0.113.5"), (2, "not-an-object"), (3, "invalid-json")),
        *((4, "field-too-long"), (5, "not-an-object"), (6, "203.0.113.5")),
    ]
    assert [r.errors[0].field for r in records if isinstance(r, RejectedRecord)] == [
        *("objects[1]", "objects[2]", "objects[3]", "objects[4]"),
    ]


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"pattern": None}, ("objects[0].pattern", "missing-field")),
        ({"pattern": "[file:name = 'x']"}, ("objects[0].pattern", "unsupported-pattern")),
        ({"pattern": "[ipv4-addr:value != 'x']"}, ("objects[0].pattern", "negated-pattern")),
        ({"pattern_type": "snort"}, ("objects[0].pattern_type", "unsupported-pattern")),
        ({"confidence": 101}, ("objects[0].confidence", "invalid-confidence")),
        ({"confidence": "high"}, ("objects[0].confidence", "invalid-confidence")),
        ({"valid_from": "yesterday"}, ("objects[0].valid_from", "invalid-timestamp")),
        ({"valid_from": "2027-03-01T00:00:00Z"}, ("objects[0].valid_from", "timestamp-out-of-range")),
        ({"valid_from": None, "modified": None}, ("objects[0]", "missing-timestamp")),
        ({"revoked": True, "pattern": "", "confidence": 101}, ("objects[0].revoked", "withdrawn")),
        ({"valid_until": "2026-03-02T01:00:00+01:00"}, ("objects[0].valid_until", "withdrawn")),
        ({"indicator_types": ["anonymization", "benign"]}, ("objects[0].indicator_types", "withdrawn")),
        ({"labels": ["benign"]}, ("objects[0].indicator_types", "withdrawn")),
    ],
)
def test_an_indicator_is_rejected_with_the_place_of_what_is_wrong(members: Json, error: tuple[str, str]) -> None:
    assert errors(**members) == [error]


def test_all_errors_of_an_object_are_told_together() -> None:
    assert errors(pattern="[", confidence=-1, valid_from="now") == [
        *(("objects[0].pattern", "unsupported-pattern"), ("objects[0].valid_from", "invalid-timestamp")),
        ("objects[0].confidence", "invalid-confidence"),
    ]


def test_what_one_version_revokes_is_withdrawn_in_all() -> None:
    assert found(read(INDICATOR, INDICATOR | {"revoked": True})) == [(1, "withdrawn"), (2, "withdrawn")]
    assert found(read(SIGHTING | {"count": 0, "observed_data_refs": ["observed-data--1"]}, SOURCE, OBSERVED)) == [
        *((1, "withdrawn"), (3, "203.0.113.1")),
    ]


def test_what_has_not_been_until_now_holds_still() -> None:
    assert parsed(valid_until="2026-03-02T00:00:01Z").warnings == ()
    assert [(w.field, w.code) for w in parsed(valid_until="some day").warnings] == [
        ("objects[0].valid_until", "value-discarded"),
    ]


@pytest.mark.parametrize(
    ("members", "seen_at"),
    [
        ({}, "2026-03-01 04:05:06+00:00"),
        ({"valid_from": "2026-03-01T04:05:06+02:00"}, "2026-03-01 02:05:06+00:00"),
        ({"valid_from": "2026-03-01T04:05:06.123456789Z"}, "2026-03-01 04:05:06.123456+00:00"),
        ({"valid_from": None}, "2026-02-02 00:00:00+00:00"),
    ],
)
def test_an_indicator_was_seen_when_it_began_to_hold(members: Json, seen_at: str) -> None:
    assert str(parsed(**members).indicator.seen_at) == seen_at


def test_a_time_without_a_zone_is_read_as_utc_with_a_warning_for_the_first_asset() -> None:
    several = INDICATOR | {"pattern": "[ipv4-addr:value IN ('203.0.113.7', '203.0.113.9')]"}

    first, second = read(several | {"valid_from": "2026-03-01T04:05:06"})

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert first.indicator.seen_at == second.indicator.seen_at == SEEN
    assert [(w.record, w.field, w.code) for w in first.warnings] == [
        (1, "objects[0].valid_from", "timestamp-without-zone"),
    ]
    assert second.warnings == ()


@pytest.mark.parametrize(
    ("members", "tlp"),
    [
        ({}, None),
        ({"object_marking_refs": [GREEN]}, Tlp.GREEN),
        ({"object_marking_refs": [GREEN, RED, "marking-definition--unknown", 3]}, Tlp.RED),
        ({"object_marking_refs": ["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"]}, Tlp.CLEAR),
        ({"object_marking_refs": ["marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"]}, Tlp.AMBER_STRICT),
        ({"granular_markings": [{"marking_ref": RED, "selectors": ["pattern"]}, {}]}, Tlp.RED),
        ({"object_marking_refs": [GREEN], "labels": ["TLP:AMBER"]}, Tlp.AMBER),
        ({"object_marking_refs": ["marking-definition--own"]}, Tlp.AMBER),
        ({"object_marking_refs": ["marking-definition--named"]}, Tlp.RED),
    ],
)
def test_the_strictest_marking_counts(members: Json, tlp: Tlp | None) -> None:
    own = {"type": "marking-definition", "id": "marking-definition--own", "definition": {"tlp": "amber"}}
    named = {"type": "marking-definition", "id": "marking-definition--named", "name": "TLP:RED"}
    weaker = {"type": "marking-definition", "id": RED, "definition": {"tlp": "clear"}}

    assert parsed(own, named, weaker, **members).indicator.tlp is tlp


def test_what_comes_from_another_object_brings_its_marking_along() -> None:
    marked = {"object_marking_refs": [RED]}
    sighting = SIGHTING | {"observed_data_refs": ["observed-data--1"]}
    refers = OBSERVED | {"object_refs": ["network-traffic--1"]}

    def tlps(*objects: object) -> list[Tlp | None]:
        return [r.indicator.tlp for r in read(*objects) if isinstance(r, ParsedRecord)]

    assert tlps(relationship(INDICATOR, MALWARE), MALWARE | marked, INDICATOR) == [Tlp.RED]
    assert tlps(sighting, OBSERVED | marked, SOURCE) == [Tlp.RED]
    assert tlps(sighting, OBSERVED, SOURCE, INDICATOR | marked) == [Tlp.RED, Tlp.RED]
    assert tlps(refers, SOURCE | marked, DESTINATION, TRAFFIC) == [Tlp.RED]
    assert tlps(OBSERVED | {"object_refs": ["ipv4-addr--1", "ipv4-addr--2"]}, SOURCE | marked, DESTINATION) == [
        *(Tlp.RED, None),
    ]


@pytest.mark.parametrize(
    ("members", "category", "identifier"),
    [
        (
            {"labels": ['rsit:fraud="phishing"'], "x_tocsin_category": "availability/ddos"},
            *("fraud/phishing", "phishing"),
        ),
        ({"x_tocsin_category": "availability/ddos", "indicator_types": ["compromised"]}, "availability/ddos", "ddos"),
        ({"indicator_types": ["compromised"]}, "intrusions/system-compromise", "system-compromise"),
        ({"labels": ["compromised"]}, "intrusions/system-compromise", "system-compromise"),
        ({"indicator_types": ["anonymization"]}, "other/tor", "tor"),
        ({"indicator_types": ["malicious-activity"]}, "other/undetermined", "undetermined"),
        ({}, "other/undetermined", "undetermined"),
        ({"name": "Bad thing: http://u:hunter2@example.com/"}, "other/undetermined", "bad-thing-http-example.com"),
    ],
)
def test_the_category_is_what_the_object_says_most_exactly(members: Json, category: str, identifier: str) -> None:
    record = parsed(**members)

    assert (record.indicator.category, record.indicator.identifier, record.warnings) == (category, identifier, ())


def test_an_unknown_category_is_kept_beside() -> None:
    record = parsed(x_tocsin_category="vulnerable/wobbly")

    assert (record.indicator.category, record.indicator.extra["original_category"]) == (
        *("other/undetermined", "vulnerable/wobbly"),
    )
    assert [(w.field, w.code) for w in record.warnings] == [("objects[0].labels", "unknown-category")]


def test_cve_ids_come_from_relationships_and_references() -> None:
    second = VULNERABILITY | {
        "id": "vulnerability--2",
        "name": "a hole",
        "external_references": [{"source_name": "cve", "external_id": "cve-2024-0002"}, {"source_name": "cve"}],
    }
    others = [second, VULNERABILITY, relationship(INDICATOR, second), relationship(VULNERABILITY, INDICATOR)]
    revoked = relationship(INDICATOR, VULNERABILITY, revoked=True)
    own = [{"source_name": "cve", "external_id": "CVE-2024-0003"}, {"source_name": "x", "external_id": "CVE-2024-0004"}]

    (record,) = read(INDICATOR | {"external_references": own}, *others, revoked)

    assert isinstance(record, ParsedRecord)
    assert record.indicator.cve_ids == ("CVE-2024-0003", "CVE-2024-0002")


@pytest.mark.parametrize(
    ("assets_are", "members", "confidence"),
    [
        (AssetsAre.ABUSED, {"confidence": 85}, 42),
        (AssetsAre.ABUSED, {"confidence": 0}, 0),
        (AssetsAre.ABUSED, {}, 50),
        (AssetsAre.ABUSED, {"confidence": 85, "indicator_types": ["compromised"]}, 85),
        (AssetsAre.VICTIMS, {"confidence": 85}, 85),
        (AssetsAre.VICTIMS, {}, None),
    ],
)
def test_of_abused_assets_we_are_half_as_sure(assets_are: AssetsAre, members: Json, confidence: int | None) -> None:
    (record,) = read(INDICATOR | members, assets_are=assets_are)

    assert isinstance(record, ParsedRecord)
    assert record.indicator.confidence == confidence


def test_of_what_is_hostile_only_victims_are_taken() -> None:
    victim = INDICATOR | {"indicator_types": ["compromised"], "id": "indicator--2"}

    records = read(INDICATOR, victim, INDICATOR, OBSERVED, SOURCE, MALWARE, assets_are=AssetsAre.HOSTILE)

    assert found(records) == [(1, "hostile-asset"), (2, "203.0.113.5"), (4, "hostile-asset")]
    assert [(r.errors[0].field, r.errors[0].message[-12:]) for r in records if isinstance(r, RejectedRecord)] == [
        *(("objects[0].type", "(objects: 2)"), ("objects[3].type", "(objects: 1)")),
    ]


def test_an_object_may_name_a_hundred_assets() -> None:
    def observing(count: int) -> list[Json]:
        addresses = [SOURCE | {"id": f"ipv4-addr--{n}", "value": f"192.0.2.{n}"} for n in range(1, count + 1)]
        return [OBSERVED | {"object_refs": [each["id"] for each in addresses]}, *addresses]

    assert [record.record for record in read(*observing(100))] == list(range(1, 101))
    assert found(read(*observing(101))) == [(1, "field-too-long")]
    assert found(read(OBSERVED | {"object_refs": [f"ipv4-addr--{n}" for n in range(301)]})) == [(1, "field-too-long")]
    assert found(read(INDICATOR, SIGHTING | {"observed_data_refs": ["observed-data--1"]}, *observing(101)))[1:] == [
        (2, "field-too-long")
    ]


def test_passwords_are_never_taken_in() -> None:
    account = {"type": "user-account", "id": "user-account--1", "user_id": "j", "credential": "hunter2"}
    records = read(
        account,
        OBSERVED | {"object_refs": ["user-account--1", "ipv4-addr--1"]},
        SOURCE,
        INDICATOR
        | {
            "pattern": "[user-account:credential = 'hunter2' AND url:value = 'http://u:hunter2@example.com/?pwd=hunter2']"
        },
        INDICATOR | {"pattern": "[user-account:credential = 'hunter2']", "description": "http://u:hunter2@example.com"},
        INDICATOR | {"description": "at http://u:hunter2@example.com/ or so"},
    )

    assert [record.record for record in records] == [1, 2, 4, 5, 6]
    assert "hunter2" not in repr(records)


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("", (422, "empty-payload")),
        ("[]", (422, "empty-payload")),
        ('{"type": "bundle", "id": "bundle--1"}', (422, "empty-payload")),
        ('{"objects": []}', (422, "empty-payload")),
        ('{"objects": {}}', (422, "empty-payload")),
        ("3", (422, "unsupported-layout")),
        ('{"message": "Authentication failed."}', (422, "unsupported-layout")),
        (json.dumps({"objects": [INDICATOR]})[:-1], (422, "invalid-json")),
        (json.dumps({"objects": [INDICATOR]}) * 2, (422, "invalid-json")),
        ("[" * 100_000, (422, "too-deep")),
    ],
)
def test_what_holds_no_objects_is_refused_as_a_whole(body: str, refused: tuple[int, str]) -> None:
    with pytest.raises(PayloadError) as error:
        read_text(body)

    assert (error.value.status, error.value.code) == refused


def test_more_than_64_mib_is_too_much() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"objects": ["'
        while True:
            yield b"x" * 1024**2

    with pytest.raises(PayloadError) as refused:
        list(FORMATS["stix"].parse(endless(), ParseOptions(None, NOW)))
    assert (refused.value.status, refused.value.code) == (413, "payload-too-large")


def test_records_beyond_the_most_that_are_taken_are_refused() -> None:
    body = json.dumps([INDICATOR | {"pattern": "[ipv4-addr:value IN ('203.0.113.7', '203.0.113.9')]"}]).encode()

    with pytest.raises(PayloadError) as refused:
        list(FORMATS["stix"].parse(iter([body]), ParseOptions(None, NOW, max_records=1)))
    assert (refused.value.status, refused.value.code) == (413, "too-many-records")
