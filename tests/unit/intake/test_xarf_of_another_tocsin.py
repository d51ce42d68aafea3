"""What another Tocsin hands over in XARF is the same finding here."""

import pytest

from libs.common.contracts import Asset
from libs.common.vocabulary import Transport
from tests.unit.intake.xarf_reports import Json, errors, parsed, report, warnings

OWN: Json = {
    "reference": "TOC-0123456789",
    "category": "vulnerable/weak-crypto",
    "identifier": "weak-tls",
    "asset": {"ip": "192.0.2.77", "port": 443, "transport": "tcp", "domain": "www.example.com"},
    "concerns": "Example Hospital",
}


def test_the_asset_the_category_and_the_identifier_are_those_by_which_it_was_known_there() -> None:
    record = parsed(report("vulnerability", "misconfiguration", tocsin=OWN))

    found = record.indicator
    assert found.asset == Asset(ip="192.0.2.77", port=443, transport=Transport.TCP, domain="www.example.com")
    assert (found.category, found.identifier) == ("vulnerable/weak-crypto", "weak-tls")
    assert found.extra["tocsin.reference"] == "TOC-0123456789"
    assert "Example Hospital" not in repr(found)
    assert record.warnings == ()


def test_an_asset_that_is_not_that_of_the_report_counts_for_nothing() -> None:
    found = parsed(report(tocsin=OWN | {"asset": {"ip": "198.51.100.1"}})).indicator

    assert found.asset == Asset(ip="192.0.2.77")


@pytest.mark.parametrize(
    ("own", "field"),
    [
        ("TOC-0123456789", "tocsin"),
        (OWN | {"category": "weather/rain"}, "tocsin.category"),
        (OWN | {"identifier": "A B"}, "tocsin.identifier"),
        (OWN | {"asset": {"ip": "192.0.2.77", "port": 0}}, "tocsin.asset.port"),
    ],
)
def test_what_is_wrong_in_it_is_left_out_and_the_report_is_read(own: object, field: str) -> None:
    assert warnings(report(tocsin=own)) == [(field, "value-discarded")]
    assert parsed(report(tocsin=own)).indicator.asset.ip == "192.0.2.77"


def test_it_says_nothing_of_a_report_that_a_person_has_to_handle() -> None:
    guarded = report("content", "csam", tocsin=OWN | {"asset": {"ip": "192.0.2.77", "url": "https://a.example/x"}})

    assert parsed(guarded).indicator.category == "abusive-content/violence"
    assert parsed(guarded).indicator.asset.url is None


@pytest.mark.parametrize(("source", "asn"), [("AS64500", 64500), ("as4294967295", 2**32 - 1)])
def test_an_as_can_be_the_source(source: str, asn: int) -> None:
    assert parsed(report(source_identifier=source)).indicator.asset == Asset(asn=asn)


@pytest.mark.parametrize("source", ["AS0", "AS4294967296", "AS"])
def test_what_is_no_as_number_is_no_source(source: str) -> None:
    assert errors(report(source_identifier=source)) == [("source_identifier", "invalid-ip")]
