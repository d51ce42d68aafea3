"""What can be registered, and files of organisations."""

import pytest

from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.organisation_files import BadOrganisations, read_organisations
from services.attribution.domain.organisations import BadClaim, ContactRole, Criticality, read_claim


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
