"""All of Shadowserver's own sample files are read, every row is accounted for, and some are checked by hand."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.tools.shadowserver_types import as_text
from libs.common.contracts import Asset
from libs.common.vocabulary import Transport
from services.intake.domain.formats import FORMATS, ParsedRecord, ParseOptions, Record, RejectedRecord, recognise
from services.intake.domain.formats.shadowserver.types import REPORT_TYPES
from services.intake.domain.hints import Hints

ROOT = Path(__file__).parents[3]
FACTS = ROOT.parent / "shared" / "data"
SAMPLES = sorted((FACTS / "shadowserver").glob("*.csv"))
NOW = datetime(2026, 3, 2, tzinfo=UTC)

needs_samples = pytest.mark.skipif(not SAMPLES, reason="Shadowserver's sample files are not here")


def read(sample: Path) -> list[Record]:
    body = sample.read_bytes()
    found = recognise(body[:65_536], Hints(content_type="text/csv", file_name=sample.name))
    assert found.format.name == "shadowserver-csv"
    return list(found.format.parse(iter([body]), ParseOptions(found.report_type, NOW)))


def indicators(report_type: str) -> list[ParsedRecord]:
    records = read(FACTS / "shadowserver" / f"{report_type}.csv")
    return [record for record in records if isinstance(record, ParsedRecord)]


@needs_samples
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_every_row_of_every_sample_is_accounted_for(sample: Path) -> None:
    records = read(sample)

    rows = [line for line in sample.read_bytes().splitlines()[1:] if line.strip()]
    assert [record.record for record in records] == list(range(1, len(rows) + 1))
    for record in records:
        if isinstance(record, ParsedRecord):
            assert record.indicator.extra["report_type"] == sample.stem
            assert not [w for w in record.warnings if w.code == "unknown-report-type"]


@needs_samples
def test_what_is_wrong_with_the_samples_is_known() -> None:
    records = [record for sample in SAMPLES for record in read(sample)]
    warnings = Counter(w.code for r in records if isinstance(r, ParsedRecord) for w in r.warnings)
    errors = [e for r in records if isinstance(r, RejectedRecord) for e in r.errors]

    assert len(records) == 291
    assert [(e.field, e.code) for e in errors] == [("ip", "network-too-large")]
    assert warnings == {"short-row": 6, "redacted-secret": 3}


@needs_samples
def test_a_remote_desktop_scan_reads_as_it_was_meant() -> None:
    record = indicators("scan_rdp")[0]

    assert record.line == 2
    found = record.indicator
    assert found.seen_at == datetime(2019, 9, 4, 15, 45, 51, tzinfo=UTC)
    assert (found.category, found.identifier) == ("vulnerable/vulnerable-system", "open-rdp")
    assert found.asset == Asset(ip="198.123.245.178", port=5678, transport=Transport.TCP)
    assert (found.asn, found.geo_country, found.tags) == (5678, None, ("rdp",))
    assert found.extra["subject_common_name"] == "KABESRV.KABE.local"
    assert found.extra["cert_expiration_date"] == "2019-10-29 02:22:06"
    assert not {"sha512_fingerprint", "cert_serial_number", "signature_algorithm", "sic"} & found.extra.keys()


@needs_samples
def test_the_attacked_end_of_a_denial_of_service_is_the_asset() -> None:
    found = indicators("event4_honeypot_ddos_target")[0].indicator

    assert found.asset == Asset(ip="172.16.0.1", port=80, hostname="node01.example.net")
    assert found.asn == 65534
    assert (found.extra["src_ip"], found.extra["src_port"]) == ("192.168.0.1", "61234")


@needs_samples
def test_an_infected_system_is_named_by_its_infection_and_its_own_port_is_no_service() -> None:
    found = indicators("event4_sinkhole")[0].indicator

    assert found.category == "malicious-code/infected-system"
    assert found.malware_name is not None
    assert found.identifier == found.malware_name.lower()
    assert found.asset.port is None
    assert "source_port" in found.extra
    assert "dst_ip" in found.extra


@needs_samples
def test_a_sandbox_row_without_an_address_has_the_asked_for_domain() -> None:
    found = indicators("sandbox_dns")[0].indicator

    assert found.asset == Asset(domain="time.windows.com")
    assert found.confidence is None
    assert (found.extra["request_type"], found.extra["md5"]) == ("A", "b575ce6dcce6502a8431db5610135c25")


@needs_samples
def test_an_address_of_version_6_is_read() -> None:
    assert all(":" in (record.indicator.asset.ip or "") for record in indicators("event6_sinkhole_http"))


@needs_samples
def test_the_table_of_types_is_what_the_generator_makes() -> None:
    schema, reports = FACTS / "shadowserver-intelmq.json", FACTS / "shadowserver-reports.json"
    table = ROOT / "services/intake/domain/formats/shadowserver/types.json"

    assert table.read_text() == as_text(schema.read_text(), reports.read_text())


def test_all_types_say_what_their_rows_mean() -> None:
    assert len(REPORT_TYPES) == 170
    assert all(report.category or report.classify for report in REPORT_TYPES.values())
    assert all(report.identifier or report.identifier_from or report.classify for report in REPORT_TYPES.values())
    assert len(FORMATS) >= 4


def test_both_versions_of_ip_fall_into_one_incident() -> None:
    twins = {name: name.replace("6_", "_", 1) for name in REPORT_TYPES if name.startswith(("scan6_", "population6_"))}

    assert len(twins) > 40
    assert all(REPORT_TYPES[name].identifier == REPORT_TYPES[twin].identifier for name, twin in twins.items())
