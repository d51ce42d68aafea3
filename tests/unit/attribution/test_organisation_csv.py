"""What goes out as CSV comes back as it was, and no spreadsheet takes it for a formula."""

import csv
import io
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.common.text import plain, spreadsheet_safe
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.file_changes import Identified, line_of
from services.attribution.domain.imports import LineKind
from services.attribution.domain.organisation_csv import KeptOrganisation, csv_header, csv_lines, read_rows, split_list
from services.attribution.domain.organisation_files import BadOrganisations, read_file
from services.attribution.domain.organisations import (
    Channel,
    Contact,
    ContactRole,
    Criticality,
    CriticalitySource,
    OrganisationProfile,
    read_claim,
)

ID = UUID(int=1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).map(lambda text: plain(text, 200))
ODD_NAMES = st.one_of(
    NAMES, st.sampled_from(["=1+1", "'=x", "''@a", "'s-Hertogenbosch", "a;b", "a\\", "\\;", ";", '"', "+"])
)
TIMES = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def kept(profile: OrganisationProfile, *contacts: Contact) -> KeptOrganisation:
    claims = {
        read_claim(AssetKind.DOMAIN, "bakery.example"): True,
        read_claim(AssetKind.IP_RANGE, "192.0.2.3 - 192.0.2.9"): True,
        read_claim(AssetKind.ASN, "AS64500"): True,
        read_claim(AssetKind.DOMAIN, "claimed.example"): False,
    }
    return KeptOrganisation(ID, profile, claims, {contact.email: contact for contact in contacts})


@given(
    name=ODD_NAMES.filter(bool),
    others=st.lists(ODD_NAMES.filter(bool), max_size=4),
    criticality=st.sampled_from(Criticality),
    source=st.sampled_from(CriticalitySource),
    channel=st.sampled_from(Channel),
    valid_from=TIMES,
)
def test_what_is_exported_is_read_back_as_it_was(
    name: str,
    others: list[str],
    criticality: Criticality,
    source: CriticalitySource,
    channel: Channel,
    valid_from: datetime | None,
) -> None:
    profile = OrganisationProfile(
        name=name,
        country="NL",
        language=Language.ENGLISH,
        criticality=criticality,
        criticality_source=source,
        other_names=tuple(others),
        kvk_number="01234567",
        company_numbers=("BE:0123.456.789", "DE:HRB-1"),
        sector="sbi-2008:56101",
    )
    organisation = kept(
        profile,
        Contact("it@bakery.example", ContactRole.TECHNICAL, Language.DUTCH, channel, valid_from),
        Contact("o'neil+x@bakery.example", ContactRole.SECURITY),
    )

    read = read_file(csv_header() + b"".join(csv_lines([organisation])))

    ((where, entry),) = read.items()
    assert line_of(Identified(where, ID, entry, organisation), {}).kind is LineKind.UNCHANGED
    assert entry.over(OrganisationProfile(name="x", country="BE", language=Language.DUTCH)) == profile
    assert {claim: claim not in entry.unproven for claim in entry.claims} == organisation.claims
    assert {contact.email: contact for contact in entry.contacts} == organisation.contacts


@given(ODD_NAMES.filter(bool))
@example('"=')
@example("=1+1")
def test_no_cell_is_a_formula(name: str) -> None:
    organisation = kept(OrganisationProfile(name=name, country="NL", language=Language.DUTCH))
    (line,) = csv_lines([organisation])
    rows = list(read_rows((csv_header() + line).decode()))
    (cells,) = csv.reader(io.StringIO(line.decode(), newline=""))
    assert all(spreadsheet_safe(cell) == cell for cell in cells)
    assert rows[1][1]["name"] == name


@pytest.mark.parametrize(
    ("cell", "values"),
    [
        ("a; b", ["a", "b"]),
        (" a ;; ", ["a"]),
        (r"a\;b;c", ["a;b", "c"]),
        (r"a\\;b", ["a\\", "b"]),
        (r"a\b", [r"a\b"]),
        ("", []),
    ],
)
def test_values_in_a_cell(cell: str, values: list[str]) -> None:
    assert split_list(cell) == values


def test_mistakes_are_told_with_their_lines() -> None:
    content = (
        b'name,country,contacts\n"two\nlines",NL,\n\nb,Holland,x\nc,NL,no-reply@c.example\nd,NL,a@d.example,more\n'
    )
    with pytest.raises(BadOrganisations) as refused:
        read_file(content)
    assert [(each.where, each.code) for each in refused.value.mistakes] == [
        ("line 5.country", "not-a-country"),
        ("line 5.contacts", "bad-address"),
        ("line 6.contacts", "bad-address"),
        ("line 7", "not-csv"),
    ]


def test_what_stands_twice_is_told_with_both_places() -> None:
    with pytest.raises(BadOrganisations, match="line 2, line 3"):
        read_file(b"name,country\nBakery,NL\nBAKERY,NL\n")


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ("company_numbers\nNL:12345678", "not-a-company-number"),
        ("company_numbers\n0123456789", "not-a-company-number"),
        ("sector\nsbi-2008:", "not-a-sector"),
        ("criticality\nhuge", "not-valid"),
        ("contacts\na@a.example valid_from=2027-01-01T00:00:00Z valid_until=2026-01-01T00:00:00Z", "bad-address"),
        ("contacts\na@a.example colour=red", "not-valid"),
        ("unproven\nbakery.example", "not-valid"),
    ],
)
def test_what_a_cell_must_not_say(cells: str, code: str) -> None:
    column, value = cells.split("\n")
    with pytest.raises(BadOrganisations) as refused:
        read_file(f"name,country,{column}\na,NL,{value}\n".encode())
    assert [each.code for each in refused.value.mistakes] == [code]


def test_what_a_file_leaves_empty_stays_as_it_is_kept() -> None:
    (entry,) = read_file(b"name,country,criticality,sector\nBakery,BE,,food\n").values()
    before = OrganisationProfile(
        name="Bakery", country="NL", language=Language.ENGLISH, criticality=Criticality.VITAL, kvk_number="01234567"
    )
    after = entry.over(before)
    assert (after.country, after.sector) == ("BE", "food")
    assert (after.criticality, after.kvk_number, after.language) == (Criticality.VITAL, "01234567", Language.ENGLISH)
