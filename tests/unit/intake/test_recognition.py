"""A payload is recognised by what the partner says and by its first bytes, and a contradiction is told."""

import json

import pytest

from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.formats import FORMATS, PayloadError, charset_of, recognise
from services.intake.domain.hints import NO_HINTS, Hints

CSV = b'"timestamp","ip","port"\n"2026-03-01 04:05:06","192.0.2.1",445\n'
SHADOWSERVER = b'{"timestamp": "2026-03-01 04:05:06", "ip": "192.0.2.1"}'
TOCSIN_CSV = b"seen_at,category,identifier,ip\n2026-03-01T04:05:06Z,a/b,x,192.0.2.1\n"
ABUSEHUB = b"reliable_notifier,report_type,event_date,event_time,src_ip\nx,y,2026-03-01,05:05:06,192.0.2.1\n"
AMBIGUOUS = b"timestamp,ip,seen_at\n"
TOCSIN = b'{"seen_at": "2026-03-01T04:05:06Z", "category": "a/b", "identifier": "x", "asset": {"ip": "192.0.2.1"}}'
MISP = b'{"Event": {"uuid": "x", "info": "timestamp, ip", "date": "2026-03-01", "Attribute": [{"type": "ip-dst"}]}}'
BARE_MISP = MISP.removeprefix(b'{"Event": ').removesuffix(b"}")
INTELMQ = b'{"time.source": "2026-03-01T04:05:06+00:00", "source.ip": "192.0.2.1", "feed.name": "x"}'
STIX = b'{"type": "indicator", "spec_version": "2.1", "id": "indicator--x", "pattern": "[url:value = \'Event\']"}'
BUNDLE = b'{"type": "bundle", "id": "bundle--x", "objects": [' + STIX + b"]}"
FORM = b"time.source=2026-03-01T04%3A05%3A06%2B00%3A00&source.ip=192.0.2.1"


def refusal(head: bytes, hints: Hints = NO_HINTS) -> tuple[int, str]:
    with pytest.raises(PayloadError) as refused:
        recognise(head, hints)
    return refused.value.status, refused.value.code


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (CSV, "shadowserver-csv"),
        (b"\n\n" + CSV, "shadowserver-csv"),
        (b"\xef\xbb\xbf" + CSV, "shadowserver-csv"),
        (CSV.decode().encode("utf-16"), "shadowserver-csv"),
        (CSV.decode().encode("utf-16")[:-1], "shadowserver-csv"),
        (b"timestamp,severity,tag,email\n", "shadowserver-csv"),
        (TOCSIN_CSV, "tocsin-csv"),
        (TOCSIN_CSV.replace(b",", b";"), "tocsin-csv"),
        (TOCSIN_CSV.replace(b",", b"\t"), "tocsin-csv"),
        (b" Asset.IP ; Seen_At \r\n", "tocsin-csv"),
        (TOCSIN_CSV.decode().encode("utf-16"), "tocsin-csv"),
        (ABUSEHUB, "abusehub-csv"),
        (b"  \n" + ABUSEHUB, "abusehub-csv"),
        (SHADOWSERVER, "shadowserver-json"),
        (b"[" + SHADOWSERVER + b"]", "shadowserver-json"),
        (SHADOWSERVER + b"\n" + SHADOWSERVER, "shadowserver-json"),
        (TOCSIN, "tocsin-json"),
        (b" \n[\n" + TOCSIN, "tocsin-json"),
        (b'{"tlp": "red", "indicators": [' + TOCSIN, "tocsin-json"),
        (TOCSIN + b"\n" + TOCSIN[:50], "tocsin-ndjson"),
        (json.dumps(json.loads(TOCSIN), indent=1).encode(), "tocsin-json"),
        (b'[{"category": "a/b", "extra": {"timestamp": 1, "ip": 2}, "asset": {"ip"', "tocsin-json"),
        (b'{"tlp": "red", "indicators": [\n' + TOCSIN + b",\n" + TOCSIN + b"\n]}", "tocsin-json"),
        (b"[\n" + TOCSIN + b",\n" + TOCSIN + b"\n]", "tocsin-json"),
        (b'{"broken": \n' + TOCSIN + b"\n" + TOCSIN, "tocsin-ndjson"),
        (MISP, "misp"),
        (b"[" + MISP + b"]", "misp"),
        (b'{"response": [' + MISP[:50], "misp"),
        (BARE_MISP, "misp"),
        (b"[" + BARE_MISP + b", " + BARE_MISP + b"]", "misp"),
        (b'{"info": "x", "Object": [', "misp"),
        (json.dumps(json.loads(MISP), indent=2).encode() + b"\n", "misp"),
        (INTELMQ, "intelmq-json"),
        (b"[" + INTELMQ + b"]", "intelmq-json"),
        (INTELMQ + b"\n" + INTELMQ, "intelmq-json"),
        (b'{"extra": {"ip": 1}, "classification": {"type": "x"}, "source": {"geolocation": {"cc"', "intelmq-json"),
        (b'{"source": {"ip": "192.0.2.1"}}', "intelmq-json"),
        (b'{"__type": "Report", "raw": "aXA="}', "intelmq-json"),
        (b'{"timestamp": "2026-03-01 04:05:06", "ip": "192.0.2.1", "source": "x"}', "shadowserver-json"),
        (BUNDLE, "stix"),
        (b'{"objects": [' + STIX + b'], "type": "bundle", "id": "bundle--x", "spec_version": "2.0"}', "stix"),
        (b'{"more": false, "objects": [' + STIX[:20], "stix"),
        (STIX, "stix"),
        (b"[" + STIX + b", " + STIX + b"]", "stix"),
        (b'[{"type": "ipv4-addr", "id": "ipv4-addr--x", "value": "192.0.2.1"}]', "stix"),
        (json.dumps(json.loads(BUNDLE), indent=2).encode() + b"\n", "stix"),
    ],
)
@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/octet-stream", "application/gzip", "nonsense"]
)
def test_bytes_alone_tell_the_format(head: bytes, name: str | None, content_type: str | None) -> None:
    if name is None:
        assert refusal(head)[1] == "unrecognised-format"
    else:
        assert recognise(head, Hints(content_type=content_type)).format.name == name


@pytest.mark.parametrize(
    ("content_type", "head", "name"),
    [
        ("text/csv; charset=utf-8", CSV, "shadowserver-csv"),
        ("application/json", TOCSIN, "tocsin-json"),
        ("application/json", TOCSIN + b"\n" + TOCSIN, "tocsin-ndjson"),
        ("Application/X-NDJSON", TOCSIN, "tocsin-ndjson"),
        ("application/jsonl", SHADOWSERVER, "shadowserver-json"),
        ("application/json; charset=utf-8", MISP, "misp"),
        ("application/json; charset=utf-8", INTELMQ, "intelmq-json"),
        ("application/stix+json;version=2.1", BUNDLE, "stix"),
        ("application/taxii+json; version=2.1", b'{"objects": []}', "stix"),
        ("application/taxii+json", b"[3]", "stix"),
        ("application/json", BUNDLE, "stix"),
    ],
)
def test_a_media_type_that_says_something_agrees_with_the_bytes(content_type: str, head: bytes, name: str) -> None:
    assert recognise(head, Hints(content_type=content_type)).format.name == name


@pytest.mark.parametrize(
    ("head", "hints", "refused"),
    [
        (b"", Hints(), (422, "empty-payload")),
        (b"\xef\xbb\xbf \r\n", Hints(), (422, "empty-payload")),
        (TOCSIN, Hints(content_type="text/csv"), (422, "format-mismatch")),
        (CSV, Hints(content_type="application/json"), (422, "format-mismatch")),
        (b"[" + TOCSIN, Hints(content_type="application/x-ndjson"), (422, "format-mismatch")),
        (b"<html>", Hints(content_type="text/csv"), (422, "format-mismatch")),
        (b"<html>", Hints(), (415, "unrecognised-format")),
        (b"<html>", Hints(content_type="text/html"), (415, "unrecognised-format")),
        (CSV, Hints(content_type="application/pdf"), (415, "unrecognised-format")),
        (b"name,phone\n", Hints(content_type="text/csv"), (415, "unrecognised-format")),
        (b"reliable_notifier,event_date,src_ip\n", Hints(), (415, "unrecognised-format")),
        (AMBIGUOUS, Hints(), (415, "unrecognised-format")),
        (AMBIGUOUS, Hints(content_type="text/csv"), (415, "unrecognised-format")),
        (b'{"hello": 1}', Hints(), (415, "unrecognised-format")),
        (b'{"info": "an error", "message": {"Attribute": 1}}', Hints(), (415, "unrecognised-format")),
        (b'{"type": "error", "id": 3}', Hints(), (415, "unrecognised-format")),
        (b'{"objects": [], "count": 3}', Hints(), (415, "unrecognised-format")),
        (CSV, Hints(content_type="application/taxii+json;version=2.1"), (422, "format-mismatch")),
        (b'{"source": "x", "classification": ["x"]}', Hints(), (415, "unrecognised-format")),
        (b"\x89PNG\r\n\x1a\n\0\0", Hints(), (415, "unrecognised-format")),
        (CSV, Hints(content_type="text/csv; charset=utf-7"), (415, "unsupported-encoding")),
        (CSV, Hints(format_name="stix-1"), (415, "unrecognised-format")),
        (CSV, Hints(format_name="tocsin-json"), (422, "format-mismatch")),
        (TOCSIN, Hints(format_name="shadowserver-csv"), (422, "format-mismatch")),
        (CSV, Hints(format_name="misp"), (422, "format-mismatch")),
        (b"<html>", Hints(format_name="shadowserver-csv"), (422, "format-mismatch")),
    ],
)
def test_what_cannot_be_is_refused(head: bytes, hints: Hints, refused: tuple[int, str]) -> None:
    assert refusal(head, hints) == refused


@pytest.mark.parametrize("head", [FORM, b"\r\n" + FORM, b"source=ip&source=port&classification=type"])
@pytest.mark.parametrize(
    "hints", [Hints(content_type="application/json; charset=utf-8"), Hints(format_name="intelmq-json")]
)
def test_a_form_in_the_place_of_json_is_told_its_well_known_cause(head: bytes, hints: Hints) -> None:
    with pytest.raises(PayloadError, match="set use_json") as refused:
        recognise(head, hints)

    assert (refused.value.status, refused.value.code) == (422, "unsupported-layout")
    assert "192.0.2.1" not in refused.value.message


def test_a_table_is_known_by_what_its_partner_says_that_its_columns_are() -> None:
    said = Hints(csv_reading=CsvReading((("tijd", "seen_at"), ("adres", "ip"))))

    assert recognise(b"Tijd;Adres\n", said).format.name == "tocsin-csv"
    assert recognise(CSV, said).format.name == "shadowserver-csv", "what they send beside it is what it was"
    assert recognise(CSV, Hints(csv_reading=CsvReading((("timestamp", "seen_at"),)))).format.name == "shadowserver-csv"
    assert refusal(b"when;where\n", said) == (415, "unrecognised-format")


def test_a_header_of_several_formats_is_refused_with_their_names() -> None:
    with pytest.raises(PayloadError) as refused:
        recognise(AMBIGUOUS)

    assert refused.value.message == (
        "the columns are those of shadowserver-csv and of tocsin-csv; say which by ?format="
    )


def test_a_report_type_or_a_name_decides_between_several_formats() -> None:
    assert recognise(AMBIGUOUS, Hints(report_type="scan_smb")).format.name == "shadowserver-csv"
    assert recognise(AMBIGUOUS, Hints(file_name="2026-03-01-scan_smb-x.csv")).format.name == "shadowserver-csv"
    assert recognise(AMBIGUOUS, Hints(format_name="tocsin-csv")).format.name == "tocsin-csv"
    assert recognise(TOCSIN_CSV, Hints(report_type="scan_smb")).format.name == "tocsin-csv"


def test_a_character_set_that_is_named_is_that_of_the_header_too() -> None:
    head = TOCSIN_CSV.decode().encode("utf-16-be")

    assert recognise(head, Hints(content_type="text/csv; charset=utf-16be")).format.name == "tocsin-csv"
    assert refusal(head, Hints(content_type="text/csv"))[1] == "unrecognised-format"


def test_a_named_format_wins_from_the_media_type() -> None:
    found = recognise(CSV, Hints(format_name="shadowserver-csv", content_type="application/json"))

    assert found.format.name == "shadowserver-csv"


def test_a_media_type_that_names_a_format_is_not_second_guessed_either() -> None:
    assert recognise(MISP, Hints(content_type="application/stix+json")).format.name == "stix"
    assert recognise(MISP, Hints(content_type="application/stix+json", format_name="misp")).format.name == "misp"


def test_a_named_format_need_not_look_like_it_as_long_as_it_can_be() -> None:
    assert recognise(b"when,what\n", Hints(format_name="shadowserver-csv")).format.name == "shadowserver-csv"


@pytest.mark.parametrize(
    ("file_name", "report_type"),
    [
        ("scan_smb.csv", "scan_smb"),
        ("2026-03-01-scan_smb.csv", "scan_smb"),
        ("2026-03-01-scan_smb-netherlands-delayed.csv.gz", "scan_smb"),
        ("C:\\reports\\Scan_SMB.CSV", "scan_smb"),
        ("../../etc/scan_smb.json", "scan_smb"),
        ("2020.wrong-filename.csv", None),
        ("scan_smb.exe", None),
        ("", None),
    ],
)
def test_the_file_name_tells_the_report_type(file_name: str, report_type: str | None) -> None:
    assert recognise(CSV, Hints(file_name=file_name)).report_type == report_type


def test_the_parameter_tells_the_report_type_and_may_not_contradict_the_file_name() -> None:
    assert recognise(CSV, Hints(report_type="Scan_SMB")).report_type == "scan_smb"
    assert recognise(CSV, Hints(report_type="scan_smb", file_name="export.csv")).report_type == "scan_smb"
    assert (
        recognise(CSV, Hints(report_type="scan_smb", file_name="2026-03-01-scan_smb-x.csv")).report_type == "scan_smb"
    )
    assert refusal(CSV, Hints(report_type="scan_smb", file_name="scan_rdp.csv")) == (422, "format-mismatch")
    assert refusal(CSV, Hints(report_type="../x")) == (422, "format-mismatch")


def test_only_shadowserver_has_report_types() -> None:
    assert recognise(TOCSIN, Hints(file_name="scan_smb.json")).report_type is None


def test_the_character_set_is_that_of_the_header() -> None:
    assert charset_of("text/csv; charset=Windows-1252") == "windows-1252"
    assert charset_of("text/csv") is None
    assert charset_of(None) is None


def test_the_example_of_every_format_is_recognised_by_its_first_media_type() -> None:
    for name, each in FORMATS.items():
        assert recognise(each.example.encode(), Hints(content_type=each.media_types[0])).format.name == name
