"""MISP events: whom something happens to becomes a record, context does not, and nothing marked private gets out."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.contracts import Asset, Indicator
from libs.common.vocabulary import Severity, Tlp
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord
from services.intake.domain.partners import AssetsAre

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SEEN = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
Json = dict[str, Any]  # what json.dumps takes
ATTRIBUTE: Json = {
    "uuid": "2f0d8f3c-1111-4222-8333-444455556667",
    "type": "ip-dst",
    "category": "Network activity",
    "to_ids": True,
    "value": "203.0.113.8",
    "timestamp": str(int(SEEN.timestamp())),
}
EVENT: Json = {"uuid": "2f0d8f3c-1111-4222-8333-444455556666", "info": "Example", "date": "2026-03-01"}


def read(body: object, *, assets_are: AssetsAre = AssetsAre.ABUSED) -> list[Record]:
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    return list(FORMATS["misp"].parse(iter([sent]), ParseOptions(None, NOW, assets_are=assets_are)))


def event(*attributes: object, **members: object) -> Json:
    return {"Event": EVENT | {"Attribute": list(attributes)} | members}


def parsed(around: Json | None = None, **members: object) -> ParsedRecord:
    """The record of the usual attribute with other members, in the usual event with those of `around`."""
    (record,) = read(event(ATTRIBUTE | members, **(around or {})))
    assert isinstance(record, ParsedRecord), record
    return record


def errors(around: Json | None = None, **members: object) -> list[tuple[str, str]]:
    (record,) = read(event(ATTRIBUTE | members, **(around or {})))
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def refusal(body: object) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        read(body)
    return refused.value.status, refused.value.code


def numbers_and_codes(records: list[Record]) -> list[tuple[int, str]]:
    return [(r.record, r.errors[0].code if isinstance(r, RejectedRecord) else "") for r in records]


def tags(*names: str) -> list[Json]:
    return [{"name": name} for name in names]


def test_an_attribute_is_read_with_what_its_event_says() -> None:
    body = event(
        ATTRIBUTE
        | {
            "type": "ip-dst|port",
            "value": "203.0.113.8|4444",
            "comment": "First seen in a sandbox.",
            "distribution": "5",
            "first_seen": "2026-02-01T00:00:00.000000+01:00",
            "last_seen": None,
            "Tag": tags('rsit:malicious-code="c2-server"', "botnet"),
        },
        threat_level_id="1",
        distribution="3",
        Orgc={"name": "Example CERT"},
        Tag=tags("tlp:green", 'admiralty-scale:source-reliability="b"', "cve:CVE-2023-21529"),
    )

    (record,) = read(body)

    assert record == ParsedRecord(
        record=1,
        line=1,
        indicator=Indicator(
            seen_at=SEEN,
            first_seen_at=datetime(2026, 1, 31, 23, tzinfo=UTC),
            category="malicious-code/c2-server",
            identifier="c2-server",
            asset=Asset(ip="203.0.113.8", port=4444),
            severity=Severity.HIGH,
            cve_ids=("CVE-2023-21529",),
            tags=("botnet", 'admiralty-scale:source-reliability="b"', "cve:CVE-2023-21529"),
            confidence=50,
            tlp=Tlp.GREEN,
            description="Example\nFirst seen in a sandbox.",
            extra={
                "uuid": "2f0d8f3c-1111-4222-8333-444455556667",
                "organisation": "Example CERT",
                "distribution": "5",
                "type": "ip-dst|port",
            },
        ),
    )


@pytest.mark.parametrize(
    "body",
    [
        event(ATTRIBUTE),
        [event(ATTRIBUTE)],
        {"response": [event(ATTRIBUTE)]},
        {"response": [EVENT | {"Attribute": [ATTRIBUTE]}]},
        EVENT | {"Attribute": [ATTRIBUTE]},
        [EVENT | {"Object": [{"name": "netflow", "Attribute": [ATTRIBUTE]}]}],
        "\ufeff" + json.dumps(event(ATTRIBUTE), indent=2),
    ],
)
def test_events_come_in_all_shapes_in_which_misp_gives_them_out(body: object) -> None:
    (record,) = read(body)

    assert isinstance(record, ParsedRecord)
    assert record.indicator.asset == Asset(ip="203.0.113.8")


def test_attributes_are_counted_through_all_events_with_those_of_objects_last() -> None:
    in_object = {"name": "ip-port", "Attribute": [ATTRIBUTE | {"value": "203.0.113.3"}]}
    first = event(ATTRIBUTE | {"value": "203.0.113.1"}, ATTRIBUTE | {"value": "203.0.113.2"})["Event"]
    second = event(ATTRIBUTE | {"value": "203.0.113.4"})

    records = read([{"Event": {"Object": [in_object]} | first}, second])

    assert [(r.record, r.indicator.asset.ip) for r in records if isinstance(r, ParsedRecord)] == [
        *((1, "203.0.113.1"), (2, "203.0.113.2"), (3, "203.0.113.3"), (4, "203.0.113.4")),
    ]
    assert [r.indicator.extra.get("object") for r in records if isinstance(r, ParsedRecord)] == [
        *(None, None, "ip-port", None),
    ]


def test_records_know_the_line_they_start_at() -> None:
    attribute = json.dumps(ATTRIBUTE)
    body = (
        f'{{"Event": {{"info": "x",\n"Object": [{{"Attribute": [\n{attribute}]}}],\n\n"Attribute": [\n{attribute}]}}}}'
    )

    assert [(r.record, r.line) for r in read(body)] == [(1, 6), (2, 3)]


@pytest.mark.parametrize(
    ("kind", "value", "asset"),
    [
        ("ip-src", "203.0.113.8", Asset(ip="203.0.113.8")),
        ("ip-dst", "2001:DB8::10", Asset(ip="2001:db8::10")),
        ("ip-dst", "203.0.113.8/32", Asset(ip="203.0.113.8")),
        ("ip-dst|port", "2001:db8::10|443", Asset(ip="2001:db8::10", port=443)),
        ("ip-dst|port", "203.0.113.8:443", Asset(ip="203.0.113.8", port=443)),
        ("ip-dst|port", "[2001:db8::10]:443", Asset(ip="2001:db8::10", port=443)),
        ("ip-dst|port", "2001:db8::10", Asset(ip="2001:db8::10")),
        ("domain", "www[.]example[.]com", Asset(domain="www.example.com")),
        ("hostname", "Host.Example.com.", Asset(domain="host.example.com")),
        ("hostname|port", "host.example.com|8080", Asset(domain="host.example.com", port=8080)),
        ("domain|ip", "example.com|2001:db8::10", Asset(domain="example.com", ip="2001:db8::10")),
        ("url", "hxxp://example.com/a|b", Asset(url="http://example.com/a%7Cb")),
        ("email", "j.doe@example.com", Asset(email="j.doe@example.com")),
        ("email-src", "j.doe@example.com", Asset(email="j.doe@example.com")),
        ("email-dst", "j.doe@example.com", Asset(email="j.doe@example.com")),
        ("target-email", "j.doe@example.com", Asset(email="j.doe@example.com")),
        ("AS", "AS64500", Asset(asn=64500)),
        ("AS", "1.10", Asset(asn=65546)),
    ],
)
def test_each_type_names_its_asset(kind: str, value: str, asset: Asset) -> None:
    assert parsed(type=kind, value=value).indicator.asset == asset


def test_the_port_of_a_source_is_no_service_there() -> None:
    record = parsed(type="ip-src|port", value="203.0.113.8|4444")

    assert (record.indicator.asset.port, record.indicator.extra["source_port"]) == (None, "4444")

    record = parsed(type="ip-src|port", value="203.0.113.8|any")

    assert "source_port" not in record.indicator.extra
    assert [(w.field, w.code) for w in record.warnings] == [("value.source_port", "value-discarded")]


@pytest.mark.parametrize(
    ("kind", "value", "field", "code"),
    [
        ("ip-dst", "300.1.1.1", "value.ip", "invalid-ip"),
        ("ip-dst", "", "value.ip", "invalid-ip"),
        ("ip-dst", "192.0.2.0/30", "value.ip", "network-too-large"),
        ("ip-dst", "192.0.2.0/40", "value.ip", "invalid-network"),
        ("ip-dst|port", "203.0.113.8|http", "value.port", "invalid-port"),
        ("domain", "localhost", "value.domain", "invalid-domain"),
        ("domain|ip", "example.com|x", "value.ip", "invalid-ip"),
        ("url", "javascript:alert(1)", "value.url", "invalid-url"),
        ("email", "J <j@example.com>", "value.email", "invalid-email"),
        ("AS", "Example Net", "value.asn", "invalid-asn"),
    ],
)
def test_a_value_that_is_not_what_its_type_says_rejects_the_record(
    kind: str, value: str, field: str, code: str
) -> None:
    assert errors(type=kind, value=value) == [(field, code)]


def test_all_errors_of_an_attribute_are_told_together() -> None:
    assert errors(type="ip-dst|port", value="x|y", last_seen="now") == [
        *(("value.ip", "invalid-ip"), ("value.port", "invalid-port"), ("last_seen", "invalid-timestamp")),
    ]


SIGHTED = [{"type": "0", "date_sighting": "1772400000"}, {"date_sighting": 1772410000}, {"type": "0"}, "x"]


@pytest.mark.parametrize(
    ("members", "seen_at", "warnings"),
    [
        ({"last_seen": "2026-03-01T12:00:00+02:00", "Sighting": SIGHTED}, "2026-03-01 10:00:00+00:00", []),
        ({"Sighting": SIGHTED}, "2026-03-02 00:06:40+00:00", []),
        ({"Sighting": [*SIGHTED, {"type": "3", "date_sighting": "1772420000"}]}, "2026-03-02 00:06:40+00:00", []),
        ({}, "2026-03-01 04:05:06+00:00", []),
        ({"timestamp": 1772337906}, "2026-03-01 04:05:06+00:00", []),
        ({"last_seen": "2026-03-01T12:00:00"}, "2026-03-01 12:00:00+00:00", [("last_seen", "timestamp-without-zone")]),
        ({"timestamp": "0"}, "2026-03-01 00:00:00+00:00", [("date", "timestamp-without-zone")]),
    ],
)
def test_the_attribute_was_seen_when_it_or_others_say_best(
    members: Json, seen_at: str, warnings: list[tuple[str, str]]
) -> None:
    record = parsed(**members)

    assert str(record.indicator.seen_at) == seen_at
    assert [(w.field, w.code) for w in record.warnings] == warnings


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"last_seen": "yesterday"}, ("last_seen", "invalid-timestamp")),
        ({"timestamp": "2026-03-01"}, ("timestamp", "invalid-timestamp")),
        ({"timestamp": "99999999999"}, ("timestamp", "timestamp-out-of-range")),
        ({"timestamp": "1"}, ("timestamp", "timestamp-out-of-range")),
        ({"timestamp": None}, ("date", "missing-timestamp")),
    ],
)
def test_a_time_that_is_none_rejects_the_record(members: Json, error: tuple[str, str]) -> None:
    assert errors({"date": ""}, **members) == [error]


def test_a_first_time_that_is_none_is_dropped_with_a_warning() -> None:
    record = parsed(first_seen="long ago")

    assert record.indicator.first_seen_at is None
    assert [(w.field, w.code) for w in record.warnings] == [("first_seen", "value-discarded")]


@pytest.mark.parametrize(
    ("sightings", "withdrawn"),
    [
        ([("0", 1), ("1", 2)], True),
        ([("2", 2), ("0", 1)], True),
        ([("1", 1), ("0", 2)], False),
        ([("2", 1), ("3", 2)], False),
    ],
)
def test_the_newest_sighting_decides_whether_it_still_holds(sightings: list[tuple[str, int]], withdrawn: bool) -> None:
    list_of = [{"type": kind, "date_sighting": str(1772337900 + at)} for kind, at in sightings]

    if withdrawn:
        assert errors(Sighting=list_of) == [("Sighting", "withdrawn")]
    else:
        parsed(Sighting=list_of)


@pytest.mark.parametrize("deleted", [True, "1", 1])
def test_what_was_deleted_is_withdrawn(deleted: object) -> None:
    in_deleted = event(Object=[{"name": "ip-port", "deleted": deleted, "Attribute": [ATTRIBUTE]}])

    assert errors(deleted=deleted, value="") == [("deleted", "withdrawn")]
    assert numbers_and_codes(read(in_deleted)) == [(1, "withdrawn")]
    assert parsed(deleted="0").record == 1


@pytest.mark.parametrize(
    ("members", "is_taken"),
    [
        ({"to_ids": False}, False),
        ({"to_ids": "0"}, False),
        ({"to_ids": False, "Tag": tags("botnet", "tlp:green")}, False),
        ({"to_ids": False, "type": "sha256"}, False),
        ({"to_ids": False, "Tag": tags('rsit:vulnerable="vulnerable-system"')}, True),
        ({"to_ids": False, "type": "target-email", "value": "j.doe@example.com"}, True),
        ({"to_ids": "1"}, True),
        ({"to_ids": None}, True),
    ],
)
def test_context_is_no_record_unless_it_says_itself_what_is_wrong_or_whose(members: Json, is_taken: bool) -> None:
    records = read(event(ATTRIBUTE | members, ATTRIBUTE, Tag=tags('rsit:fraud="phishing"')))

    assert [record.record for record in records] == ([1, 2] if is_taken else [2])


def test_the_object_of_a_victim_is_no_context() -> None:
    (record,) = read(event(Object=[{"name": "victim", "Attribute": [ATTRIBUTE | {"to_ids": False}]}]))

    assert isinstance(record, ParsedRecord)
    assert (record.indicator.confidence, record.indicator.extra["object"]) == (None, "victim")


@pytest.mark.parametrize(("assets_are", "confidence"), [(AssetsAre.VICTIMS, None), (AssetsAre.ABUSED, 50), (None, 50)])
def test_of_abused_assets_we_are_half_as_sure(assets_are: AssetsAre | None, confidence: int | None) -> None:
    (record,) = read(event(ATTRIBUTE), assets_are=assets_are) if assets_are else read(event(ATTRIBUTE))

    assert isinstance(record, ParsedRecord)
    assert record.indicator.confidence == confidence


def test_of_what_is_hostile_only_victims_are_taken() -> None:
    target = ATTRIBUTE | {"type": "target-email", "value": "j.doe@example.com"}

    records = read(event(ATTRIBUTE, target, ATTRIBUTE), assets_are=AssetsAre.HOSTILE)

    assert numbers_and_codes(records) == [(1, "hostile-asset"), (2, "")]


def test_attributes_of_a_type_that_is_not_taken_are_told_once_with_their_number() -> None:
    hashes = [ATTRIBUTE | {"type": kind, "value": "x"} for kind in ("sha256", "md5") for _ in range(1_000)]

    records = read([event(*hashes, ATTRIBUTE), event(*hashes)])

    assert numbers_and_codes(records) == [(1, "unsupported-type"), (1_001, "unsupported-type"), (2_001, "")]
    assert [r.errors[0].message for r in records if isinstance(r, RejectedRecord)] == [
        "'sha256' is not a type that names an asset (attributes: 2000)",
        "'md5' is not a type that names an asset (attributes: 2000)",
    ]


def test_of_very_many_types_the_last_are_told_together() -> None:
    records = read(event(*(ATTRIBUTE | {"type": f"type-{n}"} for n in range(1_000))))

    assert len(records) == 257
    assert isinstance(records[-1], RejectedRecord)
    assert records[-1].errors[0].message == "'others' is not a type that names an asset (attributes: 744)"


def test_one_broken_attribute_is_one_rejected_record() -> None:
    good, large = json.dumps(ATTRIBUTE), json.dumps(ATTRIBUTE | {"data": "x" * 1_100_000})

    records = read(f'{{"Event": {{"info": "x", "Attribute": [{good}, 3, {{"a": nope}}, {large}, [], {good}]}}}}')

    assert numbers_and_codes(records) == [
        *((1, ""), (2, "not-an-object"), (3, "invalid-json")),
        *((4, "field-too-long"), (5, "not-an-object"), (6, "")),
    ]


@pytest.mark.parametrize(
    ("own", "of_event", "tlp"),
    [
        (["tlp:white"], [], Tlp.CLEAR),
        (["TLP:Amber+Strict"], ["tlp:green"], Tlp.AMBER_STRICT),
        (["tlp:green"], ["tlp:red"], Tlp.RED),
        (["tlp:ex:chr"], ["tlp:pink"], None),
        ([], [], None),
    ],
)
def test_the_strictest_label_counts(own: list[str], of_event: list[str], tlp: Tlp | None) -> None:
    found = parsed({"Tag": tags(*of_event)}, Tag=tags(*own)).indicator

    assert (found.tlp, found.tags) == (tlp, ())


def test_what_is_for_the_own_organisation_only_is_red() -> None:
    in_object = event(Object=[{"name": "ip-port", "distribution": "0", "Attribute": [ATTRIBUTE]}])["Event"]

    assert parsed(distribution="0", Tag=tags("tlp:clear")).indicator.tlp is Tlp.RED
    assert parsed({"distribution": 0}).indicator.tlp is Tlp.RED
    assert parsed({"distribution": "3"}, distribution="5").indicator.tlp is None
    assert [r.indicator.tlp for r in read(in_object) if isinstance(r, ParsedRecord)] == [Tlp.RED]


@pytest.mark.parametrize(
    ("own", "of_event", "category", "identifier"),
    [
        (['rsit:fraud="phishing"'], ['rsit:availability="ddos"'], "fraud/phishing", "phishing"),
        ([], ['RSIT:Availability="DDoS"'], "availability/ddos", "ddos"),
        (["rsit:fraud"], [], "other/undetermined", "undetermined"),
        ([], [], "other/undetermined", "undetermined"),
    ],
)
def test_the_category_is_that_of_its_own_tag_before_that_of_the_event(
    own: list[str], of_event: list[str], category: str, identifier: str
) -> None:
    record = parsed({"Tag": tags(*of_event)}, Tag=tags(*own))

    assert (record.indicator.category, record.indicator.identifier, record.warnings) == (category, identifier, ())


def test_an_unknown_category_is_kept_beside() -> None:
    record = parsed(Tag=tags('rsit:vulnerable="wobbly"'))

    assert (record.indicator.category, record.indicator.extra["original_category"]) == (
        "other/undetermined",
        "vulnerable/wobbly",
    )
    assert [(w.field, w.code) for w in record.warnings] == [("Tag", "unknown-category")]


def test_a_vulnerability_belongs_to_all_that_stands_beside_it() -> None:
    def cve(cve_id: str, **members: object) -> Json:
        return ATTRIBUTE | {"type": "vulnerability", "value": cve_id} | members

    vulnerable = tags('rsit:vulnerable="vulnerable-system"')
    body = event(
        ATTRIBUTE,
        cve("CVE-2024-0001", to_ids=False),
        cve("CVE-2024-0002", deleted=True),
        cve("a hole"),
        Object=[
            {"name": "a", "Attribute": [ATTRIBUTE | {"Tag": tags("cve:cve-2024-0004")}, cve("cve-2024-0003")]},
            {"name": "b", "Attribute": [ATTRIBUTE]},
        ],
        Tag=vulnerable,
    )

    records = [(r.record, r.indicator) for r in read(body) if isinstance(r, ParsedRecord)]

    assert [(number, found.cve_ids, found.identifier) for number, found in records] == [
        (1, ("CVE-2024-0001",), "cve-2024-0001"),
        (5, ("CVE-2024-0004", "CVE-2024-0003", "CVE-2024-0001"), "cve-2024-0004"),
        (7, ("CVE-2024-0001",), "cve-2024-0001"),
    ]


@pytest.mark.parametrize(
    ("level", "severity"), [("1", Severity.HIGH), (2, Severity.MEDIUM), ("3", Severity.LOW), ("4", None), (None, None)]
)
def test_the_severity_is_that_of_the_event(level: object, severity: Severity | None) -> None:
    assert parsed({"threat_level_id": level}).indicator.severity is severity


def test_a_harmless_spelling_is_kept_beside_and_a_password_is_not() -> None:
    assert parsed(type="domain", value="www[.]example[.]com").indicator.extra["original"] == "www[.]example[.]com"
    assert parsed(type="domain", value="*.example.com").indicator.tags == ("wildcard",)
    assert "hunter2" not in repr(parsed(type="url", value="hxxp://u:hunter2@example[.]com/?token=hunter2"))


def test_what_others_propose_and_what_is_enclosed_is_never_opened() -> None:
    broken = '{"type": [nonsense'.ljust(40, "!") + "]}"
    text = json.dumps(event(ATTRIBUTE | {"ShadowAttribute": [ATTRIBUTE], "data": "UEsDBA=="}))
    body = text.replace('"info"', f'"RelatedEvent": [{broken}], "Galaxy": [{broken}], "info"', 1)

    assert numbers_and_codes(read(body)) == [(1, "")]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("", (422, "empty-payload")),
        (" \n", (422, "empty-payload")),
        ("[]", (422, "empty-payload")),
        (event(), (422, "empty-payload")),
        (event(ATTRIBUTE | {"to_ids": False}), (422, "empty-payload")),
        ("3", (422, "unsupported-layout")),
        ({"message": "Authentication failed."}, (422, "unsupported-layout")),
        ({"response": {"Attribute": [ATTRIBUTE]}}, (422, "unsupported-layout")),
        ([event(ATTRIBUTE), "x"], (422, "unsupported-layout")),
        (json.dumps(event(ATTRIBUTE))[:-1], (422, "invalid-json")),
        (json.dumps(event(ATTRIBUTE)) + "]", (422, "invalid-json")),
        (json.dumps(event(ATTRIBUTE)) * 2, (422, "invalid-json")),
        (json.dumps(event(ATTRIBUTE)).replace('"info"', '"Tag": [{"name": tlp:red}], "info"'), (422, "invalid-json")),
        ("[" * 100_000, (422, "too-deep")),
        (json.dumps(event(ATTRIBUTE)).replace('"Example"', "[" * 40 + "]" * 40), (422, "too-deep")),
    ],
)
def test_what_is_no_event_is_refused_as_a_whole(body: object, refused: tuple[int, str]) -> None:
    assert refusal(body) == refused


def test_more_than_64_mib_is_too_much() -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"Event": {"info": "'
        while True:
            yield b"x" * 1024**2

    with pytest.raises(PayloadError) as refused:
        list(FORMATS["misp"].parse(endless(), ParseOptions(None, NOW)))
    assert (refused.value.status, refused.value.code) == (413, "payload-too-large")
