"""Whatever is sent, a parser answers with records or a refusal: no other exception, linear time, little memory."""

import gc
import gzip
import io
import json
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, repeat

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.formats import (
    FORMATS,
    Limits,
    ParsedRecord,
    ParseOptions,
    PayloadError,
    RejectedRecord,
    parts_of,
    recognise,
)
from services.intake.domain.hints import Hints
from tests.unit.intake.xarf_reports import TYPES, V3, Json, report
from tests.zips import zipped

NOW = datetime(2026, 3, 2, tzinfo=UTC)
OPTIONS = ParseOptions("scan_http", NOW)
EXAMPLES = [each.example.encode() for each in FORMATS.values()]
REPORTS = [
    *(report(*kind, evidence=[{"content_type": "text/plain", "payload": "QQ==", "hash": "md5:00"}]) for kind in TYPES),
    V3,
]

CONTENT_TYPES = ["text/csv", "application/json", "text/csv; charset=utf-16", "text/csv; charset=x"]

# Fragments that parsers are known to trip over.
NASTY = [
    *(b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\0", b"\\", b"{", b"}", b"[", b"]", b":", b"\xff", b"\xfe"),
    *(b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"1e999", b"NaN", b"9" * 400, b"\xe2\x80\xae"),
    *(b"timestamp", b"ip", b"asset", b"extra", b"indicators", b"http://[", b"xn--", b"0000-00-00 00:00:00"),
    *(b'"Event":', b'"Attribute":', b'"Object":[{"Attribute":', b'"Tag":[{"name":', b'"Sighting":[{', b"|", b"null"),
    *(b'"objects":[', b'"object_refs":["ipv4-addr--1"]', b"[ipv4-addr:value = '", b"/*", b"\\'", b'"type":"sighting"'),
    *(b"source", b"source.network", b"__type", b"raw", b'"{\\"a\\": 1}"', b'{"a": {"b": [1]}}'),
    *(b"::1%x", b"/33", b"%s", b"'", b"\x85", b"\x1c", b";", b"\t", b"seen_at", b"event_time", b"02:30:00"),
    *(b',"password":', b'"pin":[', b'\\"token\\":', b"https://u:p@", b"?key=a", b'"type":"cookie"', b'{"value":"x",'),
    *(b"2026-03-29", b"2026-10-25", b"9999-12-31", b"asset.", b"extra.", b"src_url"),
    *(
        b"Content-Type: multipart/mixed; boundary=part",
        b"--part\n",
        b"--part--",
        b"=?utf-8?q?=ff?=",
        b"filename*0*=x''y",
    ),
    *(
        b"Content-Transfer-Encoding: base64\n",
        b"name=a.csv",
        b"charset=\0",
        b"message/rfc822",
        b"From ",
        b"X-ARF: yes\n",
    ),
    *(b"evidence", b"payload", b"Report", b"Version", b"xarf_version", b"null", b"true", b"{}", b"[]", b'""'),
]


# Values of any kind, nested and not, with texts that are nearly what they should be.
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["192.0.2.1", "x://y", "a@b", "*.example.com", "CVE-2024-1234", "2026-03-01T04:05:06", "QQ==", "\u200b"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


def outcome(name: str, chunks: Iterator[bytes], *, charset: str | None = None) -> tuple[int, int]:
    """How many records were read and rejected. Anything raised but a refusal fails the test that calls this."""
    read = rejected = 0
    try:
        for record in FORMATS[name].parse(chunks, ParseOptions("scan_http", NOW, charset=charset)):
            assert isinstance(record, ParsedRecord | RejectedRecord)
            read += isinstance(record, ParsedRecord)
            rejected += isinstance(record, RejectedRecord)
    except PayloadError as refused:
        message = refused.message
    else:
        message = ""
    assert len(message) < 300
    return read, rejected


@st.composite
def mutated(draw: st.DrawFn, samples: Sequence[bytes] = EXAMPLES) -> bytes:
    body = bytearray(draw(st.sampled_from(samples)) * draw(st.integers(1, 3)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(body)))
        removed = draw(st.integers(0, 8))
        body[at : at + removed] = draw(st.one_of(st.sampled_from(NASTY), st.binary(max_size=4)))
    return bytes(body)


@settings(max_examples=300, deadline=None)
@given(mutated(), st.sampled_from(list(FORMATS)), st.integers(1, 50), st.sampled_from([None, "utf-16", "windows-1252"]))
def test_a_mutated_payload_gives_records_or_a_refusal(body: bytes, name: str, size: int, charset: str | None) -> None:
    outcome(name, iter([body[at : at + size] for at in range(0, len(body), size)]), charset=charset)


@settings(max_examples=300, deadline=None)
@given(mutated([json.dumps(each).encode() for each in REPORTS]))
def test_a_mutated_report_gives_records_or_a_refusal(body: bytes) -> None:
    outcome("xarf", iter([body]))


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(REPORTS), st.data())
def test_a_report_with_any_values_is_one_record(sample: Json, data: st.DataObject) -> None:
    """In each, some members are replaced by values of any kind; of version 3 those of the report within."""
    body = json.loads(json.dumps(sample))
    members = body.get("Report", body)
    for name in data.draw(
        st.lists(st.sampled_from([*members, "severity", "tags", "domain", "cve_ids", "x"]), max_size=4)
    ):
        members[name] = data.draw(VALUES)

    assert sum(outcome("xarf", iter([json.dumps(body).encode()]))) == 1


@settings(max_examples=200, deadline=None)
@given(mutated(), st.sampled_from(sorted(FORMATS)), st.integers(0, 500))
def test_how_a_payload_is_cut_makes_no_difference(body: bytes, name: str, before: int) -> None:
    """Blank lines before it put any place of the payload at the edge of the blocks that parsers work in."""
    if body.startswith((b"\xff", b"\xfe", b"\xef")):
        return
    moved = b"\n" * (65_536 - before) + body

    assert outcome(name, iter([moved])) == outcome(name, iter([body]))


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(mutated(), st.binary(max_size=300)),
    st.one_of(st.none(), st.text(max_size=30), st.sampled_from(CONTENT_TYPES)),
    st.one_of(st.none(), st.text(max_size=30)),
    st.one_of(st.none(), st.sampled_from(list(FORMATS)), st.text(max_size=10)),
)
def test_any_bytes_are_recognised_or_refused(
    head: bytes, content_type: str | None, file_name: str | None, format_name: str | None
) -> None:
    try:
        found = recognise(
            head, Hints(content_type=content_type, file_name=file_name, format_name=format_name, report_type=file_name)
        )
    except PayloadError:
        return
    assert found.format.name in FORMATS


def zipped_twice(text: bytes) -> bytes:
    return zipped(("scan_smb.csv", text), ("scan_rdp.csv", text))


@settings(max_examples=600, deadline=None)
@given(st.sampled_from([gzip.compress, zstd.compress, zipped_twice]), st.data())
def test_a_mutated_packed_body_is_unpacked_or_refused(pack: Callable[[bytes], bytes], data: st.DataObject) -> None:
    body = bytearray(pack(b"".join(EXAMPLES)))
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    if pack is zipped_twice:  # its end is what is read first
        at = data.draw(st.integers(len(body) - 150, len(body) - 1))
        body[at : at + 2] = data.draw(st.binary(max_size=8))
    else:
        del body[data.draw(st.integers(1, len(body))) :]
    with suppress(PayloadError):
        for part in parts_of(io.BytesIO(body), encoding=None, limits=Limits()):
            list(part.read())


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        (
            "shadowserver-csv",
            "timestamp,ip,port,protocol,hostname,tag,asn,geo,severity,device_vendor,url,http_host,other",
        ),
        (
            "tocsin-csv",
            "seen_at,category,identifier,ip,port,transport,domain,url,email,hostname,asset.asn,asn,severity,tags,other",
        ),
        (
            "abusehub-csv",
            "event_date,event_time,src_ip,src_url,src_port,protocol,src_asn,src_hostname,infection_type,priority,other",
        ),
        ("credentials-csv", "email,domain,url,breach,seen_at,leaked_at,kind,malware_name,ip,other"),
    ],
)
def test_values_of_any_text_are_read_or_refused_field_by_field(name: str, columns: str) -> None:
    chance = random.Random(4)
    letters = [*map(chr, range(32, 127)), *map(chr, range(128, 0xD800, 7))]
    for _ in range(2_000):
        cells = ["".join(chance.choices(letters, k=5)).replace('"', '""') for _ in columns.split(",")]
        row = ",".join(f'"{cell}"' for cell in cells)
        assert sum(outcome(name, iter([f"{columns}\n{row}\n".encode()]))) == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EVENT = FORMATS["intelmq-json"].example.encode()
EVENT_NAMES = [
    *(
        "__type",
        "classification",
        "classification.type",
        "event_description.text",
        "extra",
        "extra.tag",
        "feed.accuracy",
    ),
    *("product.vulnerabilities", "protocol.transport", "raw", "severity", "source", "source.account", "source.asn"),
    *("source.fqdn", "source.ip", "source.network", "source.port", "source.reverse_dns", "source.url"),
    *("time.observation", "time.source", "tlp"),
]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(EVENT_NAMES), JSON_VALUES, max_size=8))
def test_an_event_with_values_of_any_kind_is_read_or_rejected(fields: dict[str, object]) -> None:
    """Only a first record may be a report, which would refuse the whole."""
    body = json.dumps([{}, json.loads(EVENT) | fields])

    assert sum(outcome("intelmq-json", iter([body.encode()]))) == 2


TOCSIN_HEADER = b"seen_at,category,identifier,ip,tags,description\n"
TOCSIN_ROW = b"2026-03-01T04:05:06Z,fraud/phishing,phish,192.0.2.1,"
ABUSEHUB_HEADER = b"event_date,event_time,src_ip,src_url,infection_type\n"
ABUSEHUB_ROW = b"2026-03-29,02:30:00,192.0.2.1,"
STIX_NAMES = [
    *(
        "confidence",
        "count",
        "created_by_ref",
        "definition",
        "dst_port",
        "dst_ref",
        "external_references",
        "first_seen",
    ),
    *(
        "granular_markings",
        "id",
        "indicator_types",
        "labels",
        "last_observed",
        "last_seen",
        "modified",
        "name",
        "number",
    ),
    *("object_marking_refs", "object_refs", "objects", "observed_data_refs", "pattern", "pattern_type", "protocols"),
    *("revoked", "sighting_of_ref", "source_ref", "src_ref", "target_ref", "valid_until", "value", "x_tocsin_category"),
]
STIX_TYPES = [
    *("indicator", "ipv4-addr", "malware", "marking-definition", "network-traffic", "observed-data", "relationship"),
    *("autonomous-system", "sighting", "vulnerability", "bundle", "file", "", 3),
]
STIX_IDS = st.sampled_from([f"{kind}--1" for kind in STIX_TYPES])
STIX_VALUES = JSON_VALUES | STIX_IDS | st.lists(STIX_IDS, max_size=3) | st.just("2026-03-01T04:05:06Z")


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(STIX_TYPES), st.dictionaries(st.sampled_from(STIX_NAMES), STIX_VALUES, max_size=8)),
        max_size=5,
    )
)
def test_objects_with_values_of_any_kind_are_read_or_rejected(objects: list[tuple[str, dict[str, object]]]) -> None:
    """The last one, at least, is a record."""
    found = [{"type": kind, "id": f"{kind}--1"} | members for kind, members in objects]

    assert sum(outcome("stix", iter([json.dumps([*found, 3]).encode()]))) > 0


HEADER = b"timestamp,ip,tag\n"
ROW = b"2026-03-01 04:05:06,192.0.2.1,e"
MEMBERS = b", ".join(b'"secret%d": 1' % number for number in range(2_000))
MULTIPART = b"Content-Type: multipart/mixed; boundary=part\n\n"
FILE = b"Content-Type: text/csv\nContent-Transfer-Encoding: %s\n\n"
TROUBLE = {
    "a line without end": ("shadowserver-csv", HEADER, b"x" * 1000),
    "a quote that never closes": ("shadowserver-csv", HEADER, b'"xxxxxxx\n'),
    "quotes all over": ("shadowserver-csv", HEADER, b'a"b,"c\n'),
    "only quotes": ("shadowserver-csv", HEADER, b'"'),
    "only line ends": ("shadowserver-csv", HEADER, b"\r"),
    "only commas": ("shadowserver-csv", HEADER, b",,,,,\n"),
    "many tags": ("shadowserver-csv", HEADER, ROW + b"a;" * 20_000 + b"\n"),
    "combining marks": (
        "shadowserver-csv",
        HEADER,
        b"2026-03-01 04:05:06,192.0.2.1,e" + b"\xcc\x80\xcc\x96" * 9_000 + b"\n",
    ),
    "long secrets": ("shadowserver-csv", HEADER, ROW + b"?" + b"pass" * 12_000 + b"\n"),
    "blank lines before a header": ("tocsin-csv", b"", b" \n"),
    "many words": ("tocsin-csv", TOCSIN_HEADER, TOCSIN_ROW + b"a; " * 18_000 + b"\n"),
    "blanks between words": ("tocsin-csv", TOCSIN_HEADER, TOCSIN_ROW + b"a" + b" " * 50_000 + b"b\n"),
    "semicolons and quotes": ("tocsin-csv", TOCSIN_HEADER.replace(b",", b";"), b'a"b;"c\n'),
    "combining marks in a description": (
        "tocsin-csv",
        TOCSIN_HEADER,
        TOCSIN_ROW + b",e" + b"\xcc\x80\xcc\x96" * 9_000 + b"\n",
    ),
    "times that clocks skip": ("abusehub-csv", ABUSEHUB_HEADER, ABUSEHUB_ROW + b"\n"),
    "a long name of an infection": ("abusehub-csv", ABUSEHUB_HEADER, ABUSEHUB_ROW + b"," + b"-_" * 20_000 + b"\n"),
    "open brackets": ("tocsin-json", b"[", b"["),
    "open braces": ("tocsin-json", b"[", b'{"a":'),
    "a string without end": ("tocsin-json", b'[{"a": "', b"x\\\\"),
    "only blanks": ("tocsin-json", b"[", b" \n"),
    "tiny records": ("tocsin-json", b"[", b"1,"),
    "only digits": ("tocsin-json", b"[", b"1"),
    "a wrapper of defaults": ("tocsin-json", b"{", b'"tlp": "red", '),
    "brackets on a line": ("tocsin-ndjson", b"", b"[" * 5_000 + b"\n"),
    "objects within objects": ("intelmq-json", EVENT, b'{"%s":' % (b"a" * 100) * 500 + b"\n"),
    "many members": ("intelmq-json", EVENT, b'{"extra": {%s}}\n' % MEMBERS),
    "many members under a long name": ("intelmq-json", EVENT, b'{"%s": {%s}}\n' % (b"x" * 20_000, MEMBERS)),
    "text within text": ("intelmq-json", EVENT, b'{"extra": "%s"}\n' % (b"[" * 20_000)),
    "many reports": ("intelmq-json", EVENT, b'{"raw": "aXA="}\n'),
    "a payload without end": ("xarf", b'[{"evidence": [{"payload": "', b"x"),
    "a line of evidence": ("xarf", b'{"xarf_version": "4.2.0"}\n{"evidence": [{"payload": "', b"x"),
    "delimiters that are none": ("mail", MULTIPART, b"--part of\n"),
    "delimiters at the ends of lines": ("mail", MULTIPART, b"x\r\n--part \r"),
    "multiparts in multiparts": ("mail", MULTIPART + b"--part\n" + MULTIPART.replace(b"part", b"q"), b"--q of\n"),
    "a complaint without end": (
        "mail",
        MULTIPART + b"--part\nContent-Type: message/feedback-report\n\n",
        b"Source-IP: x\n",
    ),
    "a report in lines without end": (
        "mail",
        b"X-ARF: yes\nContent-Type: text/plain; name=report.txt\n\n",
        b"Source: x\n",
    ),
    "base64 without line ends": ("mail", FILE % b"base64", b"QUFB"),
    "base64 after its end": ("mail", FILE % b"base64", b"QQ=="),
    "quoted text without line ends": ("mail", FILE % b"quoted-printable", b"=3D"),
    "quoted lines": ("mail", FILE % b"quoted-printable", b"=\r\n="),
    "parameters": ("mail", b"Content-Type: text/csv", b'; a*1*="\\"'),
    "encoded words": ("mail", b"Content-Type: text/csv; name=", b"=?a?q?"),
    "pieces of evidence": ("xarf", b'[{"evidence": [', b'{"payload": "QQ"}, '),
}


def seconds(format_name: str, body: bytes) -> float:
    """CPU time, without a collection of what all tests before have left, which takes half a second."""
    pieces = iter([body[at : at + 4_096] for at in range(0, len(body), 4_096)])
    gc.disable()
    try:
        started = time.process_time()
        outcome(format_name, pieces)
        return time.process_time() - started
    finally:
        gc.enable()


@pytest.mark.parametrize("name", list(TROUBLE))
def test_trouble_takes_linear_time(name: str) -> None:
    format_name, start, trouble = TROUBLE[name]

    def needed(size: int) -> float:
        return seconds(format_name, start + trouble * (size // len(trouble)))

    needed(20_000)
    assert needed(800_000) < 40 * max(needed(100_000), 0.01)


ATTRIBUTE = b'{"type": "ip-dst", "value": "192.0.2.1", "timestamp": "1772337906"}'
IN_OBJECT = b'{"name": "x", "Attribute": [' + ATTRIBUTE + b"]}"
EVENT_OF = {
    "attributes": (b"", ATTRIBUTE, b""),
    "attributes that are none": (b"", b'"no attribute"', b""),
    "types": (b"", b'{"type": "%d"}', b""),
    "CVE ids": (b"", b'{"type": "vulnerability", "value": "CVE-2024-%d0000"}', b""),
    "tags": (b'], "Tag": [', b'{"name": "%d"}', b'], "Attribute": [' + b", ".join([ATTRIBUTE] * 1_000)),
    "sightings": (b'{"Sighting": [', b'{"date_sighting": "1"}', b"]}"),
    "objects": (b'], "Object": [', IN_OBJECT, b""),
    "objects before attributes": (b'], "Object": [\n' + IN_OBJECT + b'], "Attribute": [', b"\n" + ATTRIBUTE, b""),
    "brackets": (b'], "Galaxy": [', b"[{}]", b'], "Attribute": [' + ATTRIBUTE),
}


@pytest.mark.parametrize("name", list(EVENT_OF))
def test_an_event_of_many_things_takes_linear_time(name: str) -> None:
    before, thing, after = EVENT_OF[name]

    def needed(size: int) -> float:
        things = [thing.replace(b"%d", b"%d" % number) for number in range(size // len(thing))]
        start, end = b'{"Event": {"info": "x", "Attribute": [', b"]}}"
        return seconds("misp", start + before + b",".join(things) + after + end)

    needed(20_000)
    assert needed(800_000) < 40 * max(needed(100_000), 0.01)


SEEN = b'"valid_from": "2026-03-01T04:05:06Z", "modified": "2026-03-01T04:05:06Z"'
ADDRESSES = b",".join(b'{"type": "ipv4-addr", "id": "ipv4-addr--%d", "value": "192.0.2.1"}' % n for n in range(300))
REFS = b",".join(b'"ipv4-addr--%d"' % number for number in range(300))
OBSERVED = b'{"type": "observed-data", "id": "observed-data--1", "object_refs": [' + REFS + b"]," + SEEN + b"}"
PATTERN = b'{"type": "indicator", ' + SEEN + b', "pattern": "[ipv4-addr:value = \'192.0.2.1\'%s]"}'
SIGHTING = (
    b'{"type": "sighting", "sighting_of_ref": "indicator--1", "observed_data_refs": ["observed-data--1"], %s}' % SEEN
)
BUNDLE_OF = {
    "indicators": (b"", PATTERN % b"", b""),
    "patterns": (b"", PATTERN % b" OR url:value = 'x'", b""),
    "patterns that are none": (b"", PATTERN % b" OR" * 50, b""),
    "open comments": (b"", PATTERN % (b"/* EXISTS " * 900), b""),
    "types": (b"", b'{"type": "%d"}', b""),
    "observables": (b"", b'{"type": "ipv4-addr", "id": "ipv4-addr--%d", "value": "192.0.2.1"}', b""),
    "sightings of much": (ADDRESSES + b"," + OBSERVED + b",", SIGHTING, b""),
    "sightings of an indicator": (PATTERN % b"" + b",", SIGHTING, b""),
    "observed data": (ADDRESSES + b",", OBSERVED.replace(b"--1", b"--%d", 1), b""),
    "references": (b'{"type": "report", "object_refs": [', b'"ipv4-addr--%d"', b"]}"),
    "relationships": (
        PATTERN.replace(b'"type"', b'"id": "indicator--1", "type"') % b"" + b",",
        b'{"type": "relationship", "source_ref": "indicator--1", "target_ref": "malware--%d"}',
        b"",
    ),
    "labels": (b'{"type": "indicator", "labels": [', b'"%d"', b"]}"),
    "markings": (b'{"type": "indicator", "object_marking_refs": [', b'"marking-definition--%d"', b"]}"),
    "embedded observables": (
        b'{"type": "observed-data", "objects": {"x": 3, "0": [',
        b'{"type": "ipv4-addr"}',
        b"]}}",
    ),
}


@pytest.mark.parametrize("name", list(BUNDLE_OF))
def test_a_bundle_of_many_things_takes_linear_time(name: str) -> None:
    before, thing, after = BUNDLE_OF[name]

    def needed(size: int) -> float:
        things = [thing.replace(b"%d", b"%d" % number) for number in range(size // len(thing) + 1)]
        return seconds("stix", b'{"objects": [' + before + b",".join(things) + after + b"]}")

    needed(20_000)
    assert needed(400_000) < 40 * max(needed(50_000), 0.01)


def test_a_document_that_is_read_whole_takes_little_more_memory_than_its_bytes() -> None:
    body = b'{"Event": {"info": "x", "Attribute": [' + b"{}," * 20_000 + ATTRIBUTE + b"]}}"
    tracemalloc.start()
    outcome("misp", iter([body]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 5 * len(body)


@pytest.mark.parametrize(
    ("format_name", "start", "trouble"),
    [
        ("shadowserver-csv", HEADER, b"x" * 65_536),
        ("shadowserver-csv", b"", b"column," * 9_000),
        ("tocsin-csv", TOCSIN_HEADER, b"x" * 65_536),
        ("tocsin-csv", b"", b" " * 60_000 + b"\n"),
        ("abusehub-csv", ABUSEHUB_HEADER, ABUSEHUB_ROW + b"x" * 60_000 + b"\n"),
        ("tocsin-ndjson", b'{"a": "', b"x" * 65_536),
        ("tocsin-json", b'[{"a": "', b"x" * 65_536),
        ("tocsin-json", b"[", b" " * 65_536),
        ("shadowserver-json", b"[", b"[" * 65_536),
        ("intelmq-json", b'{"extra.a": "', b"x" * 65_536),
    ],
)
def test_a_payload_of_200_mb_takes_little_memory(format_name: str, start: bytes, trouble: bytes) -> None:
    tracemalloc.start()
    outcome(format_name, chain([start], repeat(trouble, 3_000)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 12_000_000


def test_a_mail_takes_little_more_memory_than_its_bytes() -> None:
    """The line ends alone would be 20 million objects in some parsers."""
    text = b"--part\n\n" + b"\n" * 20_000_000
    file = b"\n--part\n" + FILE % b"7bit" + HEADER + ROW + b"\n--part--\n"
    tracemalloc.start()
    pieces = (text[at : at + 65_536] for at in range(0, len(text), 65_536))
    read, _ = outcome("mail", chain([MULTIPART], pieces, [file]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert read == 1
    assert peak < 2 * len(text)
