"""What can be registered, and files of organisations."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from uuid import UUID

import msgspec
import pytest

from libs.common.intervals import Space
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.organisation_files import BadOrganisations, read_organisations
from services.attribution.domain.organisations import (
    BadClaim,
    Channel,
    Contact,
    ContactRole,
    Criticality,
    CriticalitySource,
    Organisation,
    Registered,
    RegisteredAsset,
    read_claim,
    usable,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (AssetKind.DOMAIN, "Bakery.Example.", "bakery.example"),
        (AssetKind.DOMAIN, "bäckerei.example", "xn--bckerei-5wa.example"),
        (AssetKind.IP_RANGE, "192.0.2.0 - 192.0.2.255", "192.0.2.0/24"),
        (AssetKind.IP_RANGE, "2001:DB8::/48", "2001:db8::/48"),
        (AssetKind.ASN, "as64500", "AS64500"),
        (AssetKind.ASN, "64500", "AS64500"),
    ],
)
def test_an_asset_has_one_spelling(kind: AssetKind, text: str, value: str) -> None:
    assert read_claim(kind, text).value == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (AssetKind.DOMAIN, "nl"),
        (AssetKind.DOMAIN, "co.uk"),
        (AssetKind.DOMAIN, "github.io"),
        (AssetKind.DOMAIN, "192.0.2.1"),
        (AssetKind.DOMAIN, "not a domain"),
        (AssetKind.IP_RANGE, "0.0.0.0/0"),
        (AssetKind.IP_RANGE, "192.0.0.0/7"),
        (AssetKind.IP_RANGE, "2001::/15"),
        (AssetKind.IP_RANGE, "192.0.2.1/24"),
        (AssetKind.ASN, "AS0"),
        (AssetKind.ASN, "bakery"),
    ],
)
def test_what_is_no_asset_or_everybodys_is_refused(kind: AssetKind, text: str) -> None:
    with pytest.raises(BadClaim):
        read_claim(kind, text)


JSON = b"""[{"name": "Bakery", "country": "NL", "kvk_number": "01234567", "criticality": "vital", "language": "en",
  "assets": [{"kind": "domain", "value": "bakery.example"}, {"kind": "asn", "value": "AS64500"}],
  "contacts": [{"email": "security@Bakery.example"}, {"email": "it@bakery.example", "role": "technical"}]}]"""

CSV = b"""name;country;kvk_number;criticality;language;domains;asns;contacts
Bakery;NL;01234567;vital;en;bakery.example;AS64500;"security@bakery.example; technical:it@bakery.example"
"""


def test_json_and_csv_say_the_same() -> None:
    assert read_organisations(JSON) == read_organisations(CSV)


def test_an_entry_has_all_that_it_registers() -> None:
    (entry,) = read_organisations(JSON)

    assert entry.profile.kvk_number == "01234567"
    assert entry.profile.criticality is Criticality.VITAL
    assert entry.profile.language is Language.ENGLISH
    assert [claim.value for claim in entry.claims] == ["bakery.example", "AS64500"]
    assert [(contact.email, contact.role) for contact in entry.contacts] == [
        ("security@bakery.example", ContactRole.SECURITY),
        ("it@bakery.example", ContactRole.TECHNICAL),
    ]


def test_comma_separated_files_with_a_byte_order_mark_are_read() -> None:
    (entry,) = read_organisations(b'\xef\xbb\xbfname,country,domains\n"Bakery, the","NL","a.example;b.example"\n')
    assert entry.profile.name == "Bakery, the"
    assert len(entry.claims) == 2


def mistakes_in(content: bytes) -> list[tuple[str, str]]:
    with pytest.raises(BadOrganisations) as refused:
        read_organisations(content)
    return [(mistake.where, mistake.code) for mistake in refused.value.mistakes]


def test_every_mistake_is_told_at_once_with_its_record() -> None:
    content = b"""[{"name": " ", "country": "Holland", "kvk_number": "12"},
      {"country": "NL"},
      {"name": "C", "country": "NL", "assets": [{"kind": "domain", "value": "nl"}]},
      {"name": "D", "country": "NL", "contacts": [{"email": "no-reply@d.example"}]}]"""

    assert mistakes_in(content) == [
        ("1.name", "empty"),
        ("1.country", "not-a-country"),
        ("1.kvk_number", "not-a-kvk-number"),
        ("2", "not-valid"),
        ("3.assets", "bad-asset"),
        ("4.contacts", "bad-address"),
    ]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_in_utc_is_a_mistake_and_no_crash(moment: str) -> None:
    as_json = f'[{{"name": "D", "country": "NL", "contacts": [{{"email": "a@d.example", "valid_until": "{moment}"}}]}}]'
    as_csv = f"name,country,contacts\nD,NL,security:a@d.example valid_from={moment}\n"

    assert [mistakes_in(text.encode()) for text in (as_json, as_csv)] == [
        [("1.contacts", "bad-address")],
        [("line 2.contacts", "bad-address")],
    ]


def test_one_organisation_or_one_asset_twice_is_a_mistake() -> None:
    content = b"""[{"name": "A", "country": "NL", "assets": [{"kind": "domain", "value": "a.example"}]},
      {"name": "a", "country": "NL", "assets": [{"kind": "domain", "value": "A.example"}]}]"""
    assert mistakes_in(content) == [("file", "twice"), ("file", "twice")]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"<html></html>", b"[{", b'{"name": "A"}', b"name\n\xff\xfe\n", b"nom;pays\nA;NL\n", b"[" * 100_000],
    ids=["empty", "empty-array", "html", "truncated", "object", "not-utf-8", "other-columns", "nested"],
)
def test_a_file_of_something_else_is_a_mistake_and_no_crash(content: bytes) -> None:
    assert mistakes_in(content)


def test_mistakes_are_bounded() -> None:
    content = b"[" + b",".join([b"{}"] * 1000) + b"]"
    assert len(mistakes_in(content)) == 100


def contact(**changes: object) -> Contact:
    return msgspec.structs.replace(Contact("security@bakery.example", ContactRole.SECURITY), **changes)


@pytest.mark.parametrize(
    ("changes", "is_usable"),
    [
        ({}, True),
        ({"valid_from": NOW}, True),
        ({"valid_from": NOW + SECOND}, False),
        ({"valid_until": NOW + SECOND}, True),
        ({"valid_until": NOW}, False),
        ({"valid_from": NOW - SECOND, "valid_until": NOW + SECOND}, True),
        ({"channel": Channel.PORTAL}, False),
        ({"channel": Channel.ENCRYPTED_MAIL}, True),
    ],
)
def test_only_a_contact_in_force_is_written_to(changes: dict[str, object], is_usable: bool) -> None:
    one, other = contact(**changes), contact(email="it@bakery.example")
    assert usable([one, other], NOW) == ((one, other) if is_usable else (other,))


@pytest.mark.parametrize(
    ("criticality", "source", "is_vital"),
    [
        (Criticality.ESSENTIAL, CriticalitySource.REGISTERED, True),
        (Criticality.ESSENTIAL, CriticalitySource.AUTHORITY_LIST, True),
        (Criticality.ESSENTIAL, CriticalitySource.DERIVED, False),
        (Criticality.VITAL, CriticalitySource.REGISTERED, True),
        (Criticality.VITAL, CriticalitySource.DERIVED, False),
        (Criticality.IMPORTANT, CriticalitySource.REGISTERED, False),
        (Criticality.NONE, CriticalitySource.REGISTERED, False),
        (Criticality.UNKNOWN, CriticalitySource.REGISTERED, False),
    ],
)
def test_only_a_decided_criticality_hands_an_organisation_over(
    criticality: Criticality, source: CriticalitySource, is_vital: bool
) -> None:
    organisation = Organisation(UUID(int=1), "Bakery", "NL", Language.DUTCH, criticality, criticality_source=source)
    assert organisation.is_vital is is_vital


def test_of_equal_assets_the_first_is_meant() -> None:
    one, other = (Organisation(UUID(int=number), "Bakery", "NL", Language.DUTCH, Criticality.NONE) for number in (1, 2))
    claims = [read_claim(AssetKind.DOMAIN, "a.example"), read_claim(AssetKind.IP_RANGE, "192.0.2.0/24")]
    known = Registered(
        version=1,
        organisations={each.organisation_id: each for each in (one, other)},
        assets=[RegisteredAsset(claim, each.organisation_id) for each in (one, other) for claim in claims],
    )
    number = int(ip_address("192.0.2.7"))
    by_name, by_address = known.domain("a.example"), known.around(Space.IPV4, [number])[number]
    assert by_name is not None
    assert (by_name.organisation_id, by_address.organisation_id) == (one.organisation_id, one.organisation_id)
