"""A partner's own table, read as it says beside the bytes."""

from datetime import UTC, datetime

import pytest

from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record
from services.intake.domain.formats.tocsin.csv_parameters import columns_of, faults_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SAID = CsvReading((("tijd", "seen_at"), ("adres", "ip")), "vulnerable/vulnerable-system", "open-smb")


def read(body: str, reading: CsvReading) -> list[Record]:
    return list(FORMATS["tocsin-csv"].parse(iter([body.encode()]), ParseOptions(None, NOW, csv_reading=reading)))


def parsed(body: str, reading: CsvReading) -> ParsedRecord:
    (record,) = read(body, reading)
    assert isinstance(record, ParsedRecord), record
    return record


def test_mapped_columns_and_parameters_make_a_record() -> None:
    record = parsed("Tijd;Adres\n2026-03-01T04:05:06Z;198.51.100.7\n", SAID)
    assert (record.indicator.asset.ip, record.indicator.identifier) == ("198.51.100.7", "open-smb")
    assert record.indicator.category == "vulnerable/vulnerable-system"
    assert not record.warnings


def test_a_column_wins_over_its_parameter() -> None:
    record = parsed("tijd,adres,identifier\n2026-03-01T04:05:06Z,198.51.100.7,open-rdp\n", SAID)
    assert record.indicator.identifier == "open-rdp"


def test_a_column_mapped_to_extra_is_no_unknown_one() -> None:
    said = CsvReading((*SAID.columns, ("note", "extra.note")), SAID.category, SAID.identifier)
    record = parsed("tijd,adres,note\n2026-03-01T04:05:06Z,198.51.100.7,hello\n", said)
    assert record.indicator.extra["note"] == "hello"
    assert not record.warnings


def test_a_mapped_column_that_is_not_there_is_told_once_but_not_of_a_table_in_our_own_words() -> None:
    said = CsvReading((*SAID.columns, ("poort", "port")), SAID.category, SAID.identifier)
    first, second = read("tijd,adres\n2026-03-01T04:05:06Z,198.51.100.7\n2026-03-01T04:05:06Z,198.51.100.8\n", said)
    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert [warning.code for warning in first.warnings] == ["column-not-there"]
    assert "poort" in first.warnings[0].message
    assert not second.warnings
    assert not parsed("seen_at,ip\n2026-03-01T04:05:06Z,198.51.100.7\n", said).warnings


def test_two_columns_cannot_be_the_same_field() -> None:
    with pytest.raises(PayloadError) as refused:
        read("tijd,adres,ip\n2026-03-01T04:05:06Z,198.51.100.7,198.51.100.8\n", SAID)
    assert refused.value.code == "duplicate-column"


@pytest.mark.parametrize(
    ("local", "utc", "warnings"),
    [
        ("2026-03-01 05:05:06", datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC), []),
        ("2026-03-01T05:05:06Z", datetime(2026, 3, 1, 5, 5, 6, tzinfo=UTC), []),
        ("2025-10-26 02:30:00", datetime(2025, 10, 26, 0, 30, tzinfo=UTC), [("tijd", "ambiguous-local-time")]),
    ],
)
def test_a_time_without_zone_is_that_of_the_parameter(
    local: str, utc: datetime, warnings: list[tuple[str, str]]
) -> None:
    said = CsvReading(SAID.columns, SAID.category, SAID.identifier, "Europe/Amsterdam")
    record = parsed(f"tijd,adres\n{local},198.51.100.7\n", said)
    assert record.indicator.seen_at == utc
    assert [(each.field, each.code) for each in record.warnings] == warnings


@pytest.mark.parametrize("local", ["0001-01-01 00:00:00", "9999-12-31 23:59:59"])
def test_the_ends_of_time_are_out_of_range_in_any_zone(local: str) -> None:
    said = CsvReading(SAID.columns, SAID.category, SAID.identifier, "America/New_York")
    (record,) = read(f"tijd,adres\n{local},198.51.100.7\n", said)
    assert not isinstance(record, ParsedRecord)


def test_all_faults_are_told_at_once() -> None:
    said = CsvReading(columns_of("a:ip,b:asset.ip,c,d:nothing,passwd:extra.note"), "no/such", "Open SMB", "Mars/Base")
    assert [(fault.parameter, fault.code) for fault in faults_of(said)] == [
        *[("map", "invalid-map")] * 4,
        ("category", "unknown-category"),
        ("identifier", "invalid-identifier"),
        ("timezone", "invalid-timezone"),
    ]


@pytest.mark.parametrize("pair", ["password:extra.note", "their password col:extra.note", "note:extra.password"])
def test_a_secret_cannot_be_mapped(pair: str) -> None:
    assert len(faults_of(CsvReading(columns_of(pair)))) == 1


def test_more_than_forty_pairs_are_too_many() -> None:
    text = ",".join(f"c{n}:extra.c{n}" for n in range(41))
    assert [fault.code for fault in faults_of(CsvReading(columns_of(text)))] == ["invalid-map"]
    assert not faults_of(CsvReading(columns_of(text)[:40]))
