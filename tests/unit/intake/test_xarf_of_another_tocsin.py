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
STOLEN: Json = {
    "category": "information-content-security/data-leak",
    "identifier": "leaked-credentials",
    "asset": {"ip": "192.0.2.77", "url": "https://vpn.example.com/login"},
    "account": "J.Doe@Example.com",
    "leak": "Example Breach",
    "leaked_on": "2026-02-28",
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
        (STOLEN | {"account": "j.doe@example.com:hunter2"}, "tocsin.account"),
        (STOLEN | {"leak": ["hunter2"]}, "tocsin.leak"),
        (STOLEN | {"leak": "hunter2" * 50}, "tocsin.leak"),
        (STOLEN | {"leaked_on": "hunter2"}, "tocsin.leaked_on"),
        (STOLEN | {"leaked_on": "2026-02-30"}, "tocsin.leaked_on"),
    ],
)
def test_what_is_wrong_in_it_is_left_out_and_the_report_is_read(own: object, field: str) -> None:
    assert warnings(report(tocsin=own)) == [(field, "value-discarded")]
    assert parsed(report(tocsin=own)).indicator.asset.ip == "192.0.2.77"
    assert "hunter2" not in repr(parsed(report(tocsin=own)))


def test_whose_credentials_were_stolen_from_which_leak_and_when_is_known_again() -> None:
    record = parsed(report("reputation", "threat_intelligence", tocsin=STOLEN))

    found = record.indicator
    assert found.credentials
    assert found.asset == Asset(ip="192.0.2.77", url="https://vpn.example.com/login", email="J.Doe@example.com")
    assert (found.extra["breach"], found.extra["leaked_at"]) == ("Example Breach", "2026-02-28")
    assert record.warnings == ()


@pytest.mark.parametrize("told", [{"account": "j.doe@example.com"}, {"leak": "One"}, {"leaked_on": "2026-02-28"}])
def test_any_of_them_says_that_credentials_were_stolen(told: Json) -> None:
    assert parsed(report(tocsin=told)).indicator.credentials
    assert not parsed(report(tocsin=OWN)).indicator.credentials


def test_what_the_report_says_beside_makes_no_room_for_a_leak_that_is_not_there() -> None:
    many = {f"field_{number}": "x" for number in range(80)}
    found = parsed(report(**many, breach="Another", tocsin=STOLEN)).indicator

    assert (found.extra["breach"], found.extra["leaked_at"]) == ("Example Breach", "2026-02-28")
    assert found.extra["_truncated"] == "true"


@pytest.mark.parametrize(
    ("source", "asset"),
    [
        ("other@example.com", Asset(email="other@example.com")),
        ("AS64500", Asset(asn=64500)),
    ],
)
def test_an_account_makes_no_other_asset_of_that_of_the_report(source: str, asset: Asset) -> None:
    found = parsed(report(source_identifier=source, tocsin={"account": "j.doe@example.com"})).indicator

    assert (found.asset, found.credentials) == (asset, True)


def test_whom_the_asset_names_is_whose_account_it_is() -> None:
    own = {"asset": {"ip": "192.0.2.77", "email": "other@example.com"}, "account": "j.doe@example.com"}

    assert parsed(report(tocsin=own)).indicator.asset == Asset(ip="192.0.2.77", email="other@example.com")


def test_no_secret_comes_with_an_account() -> None:
    stolen = STOLEN | {"password": "hunter2", "account_secret": "hunter2", "cookie": "hunter2"}

    assert "hunter2" not in repr(parsed(report(tocsin=stolen)))


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
