"""Our own format as CSV: columns are fields, and what is wrong is told in the partner's words."""

import json
from datetime import UTC, datetime

import pytest

from libs.common.contracts import Asset, Indicator, Product
from libs.common.vocabulary import Severity, Tlp, Transport
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, PayloadError, Record, RejectedRecord

NOW = datetime(2026, 3, 2, tzinfo=UTC)
GOOD = {
    "seen_at": "2026-03-01T04:05:06Z",
    "category": "vulnerable/vulnerable-system",
    "identifier": "open-smb",
    "ip": "198.51.100.7",
}


def read(body: str | bytes, *, charset: str | None = None) -> list[Record]:
    sent = body if isinstance(body, bytes) else body.encode()
    return list(FORMATS["tocsin-csv"].parse(iter([sent]), ParseOptions(None, NOW, charset=charset)))


def table(*rows: dict[str, str]) -> str:
    def line(cells: list[str]) -> str:
        return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)

    return "\n".join([line(list(rows[0])), *(line(list(row.values())) for row in rows)])


def parsed(**columns: str) -> ParsedRecord:
    """The record of one row with these columns, beside good ones; a dot in a name is written as two underscores."""
    (record,) = read(table(GOOD | {name.replace("__", "."): cell for name, cell in columns.items()}))
    assert isinstance(record, ParsedRecord), record
    return record


def errors(**columns: str) -> list[tuple[str, str]]:
    (record,) = read(table(GOOD | {name.replace("__", "."): cell for name, cell in columns.items()}))
    assert isinstance(record, RejectedRecord), record
    return [(error.field, error.code) for error in record.errors]


def refusal(body: str | bytes) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        read(body)
    return refused.value.status, refused.value.code


def test_every_field_has_a_column() -> None:
    record = parsed(
        port="445",
        transport="TCP",
        hostname="h7.example.net",
        first_seen_at="2026-02-01 00:00:00+01:00",
        geo_country="NL",
        asn="AS64500",
        as_name="Example Net",
        severity="high",
        confidence="80",
        cve_ids="CVE-2020-0796;cve-2017-0144",
        tags="smb; old eol",
        product__vendor="Example",
        product__name="Files, large",
        product__version="1",
        malware_name="exampleworm",
        credentials="TRUE",
        tlp="amber",
        description='First "line".\nSecond line.',
        extra__ticket="X-1",
    )

    assert (record.record, record.line, record.warnings) == (1, 2, ())
    assert record.indicator == Indicator(
        seen_at=datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC),
        first_seen_at=datetime(2026, 1, 31, 23, tzinfo=UTC),
        category="vulnerable/vulnerable-system",
        identifier="open-smb",
        asset=Asset(ip="198.51.100.7", port=445, transport=Transport.TCP, hostname="h7.example.net"),
        geo_country="NL",
        asn=64500,
        as_name="Example Net",
        severity=Severity.HIGH,
        confidence=80,
        cve_ids=("CVE-2020-0796", "CVE-2017-0144"),
        tags=("smb", "old", "eol"),
        product=Product("Example", "Files, large", "1"),
        malware_name="exampleworm",
        credentials=True,
        tlp=Tlp.AMBER,
        description='First "line".\nSecond line.',
        extra={"ticket": "X-1"},
    )


def test_a_row_reads_as_the_json_that_says_the_same() -> None:
    asset = {"domain": "www[.]example[.]com", "port": 443}
    as_json = json.dumps([{**{name: GOOD[name] for name in ("seen_at", "category", "identifier")}, "asset": asset}])
    (expected,) = FORMATS["tocsin-json"].parse(iter([as_json.encode()]), ParseOptions(None, NOW))

    assert isinstance(expected, ParsedRecord)
    assert parsed(ip="", domain="www[.]example[.]com", port="443").indicator == expected.indicator


def test_short_names_and_full_names_of_asset_columns_mean_the_same() -> None:
    assert read("seen_at,category,identifier,asset.ip\n" + ",".join(GOOD.values())) == read(table(GOOD))


def test_the_as_around_an_asset_is_not_the_asset() -> None:
    assert parsed(asn="64500").indicator.asset == Asset(ip="198.51.100.7")
    assert parsed(ip="", asset__asn="64500").indicator.asset == Asset(asn=64500)
    assert errors(ip="", asn="64500") == [("asset", "no-asset")]


def test_column_names_are_read_in_any_order_and_case() -> None:
    body = "\ufeff IP ,Identifier,CATEGORY,Seen_At\n198.51.100.7,open-smb,vulnerable/vulnerable-system,"

    assert read(body + GOOD["seen_at"] + "\n")[0].record == 1
    assert isinstance(read(body + GOOD["seen_at"])[0], ParsedRecord)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_excel_separates_by_semicolons_in_the_netherlands_and_others_by_tabs(delimiter: str) -> None:
    body = delimiter.join([*GOOD, "description"]) + "\n" + delimiter.join([*GOOD.values(), '"a, b\nc"']) + "\n"

    (record,) = read(body)

    assert isinstance(record, ParsedRecord)
    assert record.indicator.description == "a, b\nc"


def test_a_header_with_a_comma_is_separated_by_commas_whatever_stands_in_the_rows() -> None:
    assert parsed(tags="a;b").indicator.tags == ("a", "b")
    assert refusal("seen_at;category,identifier;ip\n") == (422, "missing-column")


def test_a_column_that_the_format_does_not_have_is_kept_and_said_once() -> None:
    first, second = read(table(GOOD | {"Rack": "12", "Row": ""}, GOOD | {"Rack": "13", "Row": "7"}))

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert [(w.code, w.message[-9:]) for w in first.warnings] == [("unknown-column", "rack, row")]
    assert (first.indicator.extra, second.indicator.extra) == ({"rack": "12"}, {"rack": "13", "row": "7"})
    assert second.warnings == ()


def test_what_is_said_once_waits_for_a_record_that_is_read() -> None:
    bad, good = read(table(GOOD | {"ip": "x", "rack": "12"}, GOOD | {"rack": "12"}))

    assert isinstance(bad, RejectedRecord)
    assert isinstance(good, ParsedRecord)
    assert [w.code for w in good.warnings] == ["unknown-column"]


@pytest.mark.parametrize("column", ["password", "extra.password"])
def test_a_column_with_secrets_is_not_taken_in(column: str) -> None:
    first, second = read(table(*[GOOD | {column: "hunter2"}] * 2))

    assert isinstance(first, ParsedRecord)
    assert (column, "redacted-secret") in [(w.field, w.code) for w in first.warnings]
    assert "redacted-secret" not in repr(second)
    assert "hunter2" not in repr([first, second])


def test_a_time_without_zone_is_utc_and_says_so() -> None:
    record = parsed(seen_at="2026-03-01 04:05:06", first_seen_at="2026-02-01 04:05:06")

    assert record.indicator.seen_at == datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
    assert record.indicator.first_seen_at == datetime(2026, 2, 1, 4, 5, 6, tzinfo=UTC)
    assert {(w.field, w.code) for w in record.warnings} == {
        ("seen_at", "timestamp-without-zone"),
        ("first_seen_at", "timestamp-without-zone"),
    }


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("seen_at", "", "missing-timestamp"),
        ("seen_at", "2026-03-01", "invalid-timestamp"),
        ("seen_at", "2026-03-04 00:00:00", "timestamp-out-of-range"),
        ("category", "", "missing-field"),
        ("identifier", " ", "missing-field"),
        ("identifier", "Open SMB", "invalid-identifier"),
        ("ip", "300.1.1.1", "invalid-ip"),
        ("port", "445.0", "invalid-port"),
        ("port", "0", "invalid-port"),
        ("transport", "pigeon", "invalid-transport"),
        ("asset.asn", "x", "invalid-asn"),
        ("asn", "0", "invalid-asn"),
        ("severity", "catastrophic", "invalid-severity"),
        ("confidence", "101", "invalid-confidence"),
        ("confidence", "-1", "invalid-confidence"),
        ("tlp", "blue", "invalid-tlp"),
        ("cve_ids", "CVE-2020-0796 CVE-1", "invalid-cve"),
        ("tags", "x " * 51, "field-too-long"),
        ("credentials", "hunter2", "invalid-type"),
        ("product.name", "x" * 101, "field-too-long"),
        ("description", "x" * 4001, "field-too-long"),
    ],
)
def test_a_cell_that_is_not_what_it_must_be_rejects_the_record(column: str, cell: str, code: str) -> None:
    (record,) = read(table(GOOD | {column: cell}))

    assert isinstance(record, RejectedRecord)
    assert [(error.field, error.code) for error in record.errors] == [(column, code)]
    assert "hunter2" not in repr(record)


def test_all_errors_of_a_row_are_told_together_in_the_partners_words() -> None:
    assert errors(seen_at="now", url="x", asset__asn="x", severity="x") == [
        ("url", "invalid-url"),
        ("asset.asn", "invalid-asn"),
        ("seen_at", "invalid-timestamp"),
        ("severity", "invalid-severity"),
    ]


def test_an_empty_cell_says_nothing() -> None:
    record = parsed(port="", domain=" ", severity="", credentials="", tags="", product__name="", extra__a="", first="")

    assert record.indicator == parsed().indicator
    assert parsed(credentials="false").indicator == parsed().indicator


def test_a_row_with_missing_last_fields_is_read_and_a_torn_one_is_not() -> None:
    header = ",".join([*GOOD, "port"]) + "\n"

    (short,) = read(header + ",".join(GOOD.values()))
    torn, wide = read(header + "2026-03-01T04:05:06Z\n" + ",".join([*GOOD.values(), "445", "x"]))

    assert isinstance(short, ParsedRecord)
    assert [w.code for w in short.warnings] == ["short-row"]
    assert isinstance(torn, RejectedRecord)
    assert isinstance(wide, RejectedRecord)
    assert [torn.errors[0].code, wide.errors[0].code] == ["too-few-fields", "too-many-fields"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "empty-payload"),
        ("seen_at,category,identifier,ip\n", "empty-payload"),
        (",".join(GOOD.values()), "no-header"),
        ('"seen_at,category\n', "no-header"),
        ("category,identifier,ip\n", "missing-column"),
        ("seen_at,identifier,ip\n", "missing-column"),
        ("seen_at,category,ip\n", "missing-column"),
        ("seen_at,category,identifier\n", "missing-column"),
        ("seen_at,category,identifier,asn,port,hostname\n", "missing-column"),
        ("seen_at,category,identifier,ip,asset.ip\n", "duplicate-column"),
        ("seen_at,category,identifier,ip,rack,extra.rack\n", "duplicate-column"),
        ("seen_at,category,identifier,ip" + ",x" * 512, "unsupported-layout"),
    ],
)
def test_a_payload_that_is_not_of_the_format_is_refused_as_a_whole(body: str, code: str) -> None:
    assert refusal(body) == (422, code)


def test_all_columns_that_are_missing_are_named() -> None:
    with pytest.raises(PayloadError) as refused:
        read("seen_at,ip\n")
    assert refused.value.message == "the header has no column 'category', no 'identifier'"


def test_an_encoding_that_was_guessed_is_told_also_of_the_header() -> None:
    body = table(GOOD | {"extra.café": "thé"}, GOOD | {"extra.café": "tea"})

    first, second = read(body.encode("cp1252"))
    named, _ = read(body.encode("cp1252"), charset="iso-8859-1")
    header_only, _ = read(table(*[GOOD | {"extra.café": "tea"}] * 2).encode("cp1252"))

    assert isinstance(first, ParsedRecord)
    assert isinstance(second, ParsedRecord)
    assert isinstance(named, ParsedRecord)
    assert isinstance(header_only, ParsedRecord)
    assert [w.code for w in first.warnings] == ["assumed-charset"]
    assert first.indicator.extra == named.indicator.extra == {"café": "thé"}
    assert second.warnings == named.warnings == ()
    assert [w.message for w in header_only.warnings] == [
        "the header is not UTF-8, so it was read as windows-1252",
    ]


def test_utf_16_is_read_as_excel_saves_it() -> None:
    body = "\t".join([*GOOD, "description"]) + "\r\n" + "\t".join([*GOOD.values(), "café"]) + "\r\n"

    (record,) = read(body.encode("utf-16"))

    assert isinstance(record, ParsedRecord)
    assert record.indicator.description == "café"


def test_a_formula_is_kept_as_it_came() -> None:
    assert parsed(description="=1+1").indicator.description == "=1+1"
