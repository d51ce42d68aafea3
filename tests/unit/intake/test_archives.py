"""A zip archive is read member by member, in bounded memory, and refused for what no honest archive has."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.intake.domain.formats import (
    FORMATS,
    Limits,
    ParsedRecord,
    ParseOptions,
    PayloadError,
    Record,
    RejectedRecord,
    parts_of,
    recognise_parts,
    records_of,
)
from services.intake.domain.hints import Hints
from tests.zips import zipped

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LIMITS = Limits(max_sent_bytes=1_000_000, max_unpacked_bytes=10_000_000, max_ratio=200, ratio_from_bytes=1_000_000)
HEADER = b"timestamp,ip,port\n"
ROW = b"2026-03-01 04:05:06,192.0.2.1,445\n"
TOCSIN = FORMATS["tocsin-csv"].example.encode()


def read(body: bytes, *, file_name: str | None = None, report_type: str | None = None) -> list[Record]:
    parts = parts_of(io.BytesIO(body), encoding=None, limits=LIMITS)
    found = recognise_parts(parts, Hints(file_name=file_name, report_type=report_type))
    return list(records_of(parts, found.format, ParseOptions(found.report_type, NOW), file_name=file_name))


def types(records: list[Record]) -> list[str]:
    return [each.indicator.extra["report_type"] for each in records if isinstance(each, ParsedRecord)]


def refusal(body: bytes, *, limits: Limits = LIMITS, encoding: str | None = None) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        for part in parts_of(io.BytesIO(body), encoding=encoding, limits=limits):
            for _ in part.read():
                pass
    return refused.value.status, refused.value.code


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_name_of_a_member_tells_the_report_type_rather_than_that_of_the_archive(method: int) -> None:
    body = zipped(("2026-03-01-scan_smb-nl.csv", HEADER + ROW), method=method)

    assert types(read(body, file_name="2026-03-01-scan_redis-nl.csv.zip")) == ["scan_smb"]
    assert types(read(zipped(("report", HEADER + ROW)), file_name="scan_redis.csv.zip")) == ["scan_redis"]


def test_members_are_one_submission_with_records_numbered_through() -> None:
    records = read(
        zipped(
            ("scan_smb.csv", HEADER + ROW + ROW),
            ("scan_redis.csv", HEADER),
            ("scan_rdp.csv", HEADER + b"x,y,z\n" + ROW),
        )
    )

    assert [each.record for each in records] == [1, 2, 3, 4]
    assert [each.line for each in records] == [2, 3, 2, 3]
    assert types(records) == ["scan_smb", "scan_smb", "scan_rdp"]
    rejected = records[2]
    assert isinstance(rejected, RejectedRecord)
    assert {(each.record, each.message.startswith("in 'scan_rdp.csv': ")) for each in rejected.errors} == {(3, True)}
    assert [each.indicator.extra["part"] for each in records if isinstance(each, ParsedRecord)][1:] == [
        "scan_smb.csv",
        "scan_rdp.csv",
    ]


def test_a_single_member_reads_as_if_it_were_not_packed() -> None:
    assert read(zipped(("a.csv", TOCSIN))) == read(TOCSIN)


def test_members_of_different_formats_are_refused() -> None:
    with pytest.raises(PayloadError) as refused:
        read(zipped(("scan_smb.csv", HEADER + ROW), ("own.csv", TOCSIN)))
    assert refused.value.code == "unsupported-layout"


def test_a_report_type_that_a_member_contradicts_is_refused() -> None:
    with pytest.raises(PayloadError) as refused:
        read(zipped(("scan_smb.csv", HEADER + ROW)), report_type="scan_rdp")
    assert refused.value.code == "format-mismatch"


def test_members_without_any_record_are_an_empty_payload() -> None:
    with pytest.raises(PayloadError) as refused:
        read(zipped(("scan_smb.csv", HEADER), ("scan_rdp.csv", HEADER)))
    assert refused.value.code == "empty-payload"


@pytest.mark.parametrize("name", ["../../x.csv", "folder/x.csv", "folder/", "a\\b.csv", "..", "."])
def test_names_that_are_no_plain_ones_are_refused(name: str) -> None:
    assert refusal(zipped((name, TOCSIN))) == (422, "unsafe-archive")


def test_a_name_with_a_nul_and_two_of_the_same_name_are_refused() -> None:
    assert refusal(zipped(("a.csvXb", TOCSIN)).replace(b"a.csvXb", b"a.csv\0b")) == (422, "unsafe-archive")
    assert refusal(zipped(("a.csv", TOCSIN), ("b.csv", TOCSIN)).replace(b"b.csv", b"a.csv")) == (422, "unsafe-archive")


def test_an_encrypted_member_is_refused() -> None:
    body = bytearray(zipped(("a.csv", TOCSIN)))
    body[body.index(b"PK\x01\x02") + 8] |= 1

    assert refusal(bytes(body)) == (422, "encrypted-archive")


@pytest.mark.parametrize("again", [zipped(("x", b"y")), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"])
def test_what_is_packed_twice_is_refused(again: bytes) -> None:
    assert refusal(zipped(("a.csv", again))) == (422, "unsafe-archive")


def test_more_than_a_hundred_members_are_refused_however_many() -> None:
    assert refusal(zipped(*((str(number), b"x") for number in range(101)))) == (422, "unsafe-archive")
    assert refusal(zipped(*((str(number), b"") for number in range(5_000)))) == (422, "unsafe-archive")
    assert len(parts_of(io.BytesIO(zipped(*((str(n), b"x") for n in range(100)))), encoding=None, limits=LIMITS)) == 100


def test_other_methods_than_deflate_are_refused() -> None:
    assert refusal(zipped(("a.csv", TOCSIN), method=zipfile.ZIP_LZMA)) == (415, "unsupported-encoding")


def test_bombs_are_stopped_by_ratio_and_by_size_over_all_members() -> None:
    half = bytes(600_000)
    assert refusal(zipped(("a", bytes(5_000_000)))) == (413, "decompressed-too-large")
    assert refusal(zipped(("a", half), ("b", half))) == (413, "decompressed-too-large")
    assert refusal(zipped(("a", TOCSIN)), limits=Limits(max_unpacked_bytes=50)) == (413, "decompressed-too-large")
    assert refusal(zipped(("a", TOCSIN)), limits=Limits(max_sent_bytes=50)) == (413, "payload-too-large")


def _cut(body: bytes) -> bytes:
    return body[:-30]


def _spoilt(body: bytes) -> bytes:
    return body[:40] + b"\xff\xff\xff" + body[43:]


def _elsewhere(body: bytes) -> bytes:
    return body[:-6] + struct.pack("<I", 2**31) + body[-2:]


@pytest.mark.parametrize(
    ("damage", "code"),
    [(_cut, "truncated-compression"), (_spoilt, "unreadable-compression"), (_elsewhere, "unreadable-compression")],
)
def test_a_damaged_archive_is_noticed(damage: Callable[[bytes], bytes], code: str) -> None:
    assert refusal(damage(zipped(("a.csv", TOCSIN)))) == (400, code)


def test_an_archive_without_members_is_empty() -> None:
    assert refusal(zipped()) == (422, "empty-payload")


def test_a_content_encoding_beside_an_archive_is_not_believed() -> None:
    assert refusal(zipped(("a.csv", TOCSIN)), encoding="gzip") == (400, "unreadable-compression")


def test_a_large_member_takes_little_memory() -> None:
    body = zipped(("scan_smb.csv", HEADER + b"x" * 50_000_000))
    tracemalloc.start()
    size = sum(
        len(chunk) for part in parts_of(io.BytesIO(body), encoding=None, limits=Limits()) for chunk in part.read()
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert size == len(HEADER) + 50_000_000
    assert peak < 3_000_000
