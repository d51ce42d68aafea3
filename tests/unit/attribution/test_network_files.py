"""The offline network file: what its rows say, and what is found of an address."""

import gc
import weakref
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Asset, Encryption
from libs.common.delegated import Skipped
from libs.common.intervals import Interval, Space
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.directory import Directory, question_of
from services.attribution.domain.ladder import Attributed
from services.attribution.domain.network_files import (
    HintTable,
    NetworkFile,
    NetworkHint,
    Stretch,
    StretchBuilder,
    read_stretches,
)
from services.attribution.domain.networks import Networks, System
from services.attribution.domain.organisations import Registered
from services.attribution.handlers import decide_all
from tests.unit.attribution.builders import a_threat
from tests.unit.attribution.tables import interval
from tests.unit.attribution.world import SHIPPED

TABBED = """\
192.0.2.0\t192.0.2.255\t64500\tNL\tPOLDER-AS Polderkabel B.V.
198.51.100.0\t198.51.100.127\t0\tNone\tNot routed
2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t4200000000\tBE\tBIG
203.0.113.0\t203.0.113.9\t0\tDE\t
"""
MADE_ON = date(2026, 11, 1)


def read(text: str) -> list[Stretch | Skipped]:
    return list(read_stretches(text.splitlines(keepends=True)))


def stretches(text: str) -> list[tuple[str, int, str | None, str]]:
    return [(str(item.interval), item.asn, item.country, item.name) for item in read(text) if isinstance(item, Stretch)]


def a_file(text: str) -> NetworkFile:
    builder = StretchBuilder()
    for item in read(text):
        if isinstance(item, Stretch):
            builder.add(item)
    halves = builder.columns()
    asns, countries = (
        HintTable(halves[half], made_on=MADE_ON) if half in halves else None for half in ("asn", "country")
    )
    return NetworkFile(frozenset(), asns, countries)


def hint(file: NetworkFile, address: str) -> NetworkHint | None:
    place = interval(address)
    return file.around(place.space, [place.first]).get(place.first)


def test_a_table_without_header_is_ranges_with_number_country_and_name() -> None:
    assert stretches(TABBED) == [
        ("192.0.2.0/24", 64500, "NL", "POLDER-AS Polderkabel B.V."),
        ("2001:db8::/32", 4200000000, "BE", "BIG"),
        ("203.0.113.0 - 203.0.113.9", 0, "DE", ""),
    ]
    assert [item for item in read(TABBED) if isinstance(item, Skipped)] == [Skipped("says-nothing")]


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.0,192.0.2.255,64500,nl,Polder\n",
        "start_ip,end_ip,asn,country,as_name\n192.0.2.0,192.0.2.255,AS64500,NL,Polder\n",
        '"network","country_code","asn","name"\n"192.0.2.0/24","NL","AS64500","Polder"\n',
        "\ufeffNetwork\tCountry\tAS number\tAS name\r\n192.0.2.0/24\tNL\t64500\tPolder\r\n",
        "# a comment\n\nfirst,last,asn,country,name\n192.0.2.0,192.0.2.255,64500,NL,Polder\n",
    ],
)
def test_the_layouts_that_go_round_are_read(text: str) -> None:
    assert stretches(text) == [("192.0.2.0/24", 64500, "NL", "Polder")]


def test_a_table_of_blocks_and_numbers_leaves_the_countries_alone() -> None:
    text = 'network,autonomous_system_number,autonomous_system_organization\n192.0.2.0/24,64500,"Polder, B.V."\n'
    file = a_file(text)

    assert file.countries is None
    assert hint(file, "192.0.2.9") == NetworkHint(asn=64500, name="Polder, B.V.", asn_made_on=MADE_ON)


def test_what_cannot_be_read_is_skipped_and_counted() -> None:
    text = "192.0.2.9,192.0.2.0,1,NL,\n192.0.2.0,2001:db8::,1,NL,\nx,y,1,NL,\n192.0.2.0\n192.0.2.0,192.0.2.1,1,NL,\n"
    assert [item.reason for item in read(text) if isinstance(item, Skipped)] == ["unreadable-range"] * 4
    assert len(stretches(text)) == 1


def test_the_smaller_of_two_ranges_is_right_and_each_half_has_its_own() -> None:
    file = a_file("192.0.2.0,192.0.2.255,64500,NL,Polder\n192.0.2.128,192.0.2.191,64501,,Duin\n")

    assert hint(file, "192.0.2.1") == NetworkHint(64500, "Polder", MADE_ON, "NL", MADE_ON)
    assert hint(file, "192.0.2.130") == NetworkHint(64501, "Duin", MADE_ON, "NL", MADE_ON)
    assert hint(file, "192.0.3.0") is None


def test_as_numbers_of_32_bits_and_both_ends_of_a_space_are_found() -> None:
    file = a_file("0.0.0.0,0.0.0.0,4294967295,,\n255.255.255.255,255.255.255.255,64500,NL,\n::,::1,64501,BE,\n")

    assert hint(file, "0.0.0.0") == NetworkHint(4294967295, "", MADE_ON)
    assert hint(file, "255.255.255.255") == NetworkHint(64500, "", MADE_ON, "NL", MADE_ON)
    assert hint(file, "::1") == NetworkHint(64501, "", MADE_ON, "BE", MADE_ON)
    assert hint(file, "::2") is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 5)), max_size=10))
def test_what_is_found_is_what_the_smallest_row_around_says(rows: list[tuple[int, int, int]]) -> None:
    builder = StretchBuilder()
    known = [(min(one, two), max(one, two), asn) for one, two, asn in rows]
    for first, last, asn in known:
        builder.add(Stretch(Interval(Space.IPV6, first, last), asn, None, ""))
    halves = builder.columns()
    file = NetworkFile(frozenset(), HintTable(halves["asn"], made_on=MADE_ON) if halves else None)

    found = file.around(Space.IPV6, list(range(32)))

    for number in range(32):
        around = [(last - first, asn) for first, last, asn in known if first <= number <= last]
        smallest = min((size for size, _ in around), default=None)
        said = found.get(number)
        assert (said.asn if said else 0) in ({asn for size, asn in around if size == smallest} or {0})


@pytest.mark.parametrize(("days", "is_believed"), [(400, True), (401, False)])
def test_a_file_that_is_too_old_names_neither_the_as_nor_the_country_and_the_evidence_says_so(
    days: int, is_believed: bool
) -> None:
    """And it is what `greatest_age_days` of the ladder says, not another number."""
    desk = AbuseDesk("abuse@polderkabel.example", "Polderkabel")
    systems = {64500: System(64500, "POLDER-AS", desk)}
    known = Directory(
        Registered(version=1, organisations={}, assets=()),
        Networks(systems=systems),
        network_file=a_file(TABBED),
    )
    question = question_of(a_threat(Asset(ip="192.0.2.9")).indicator)

    (decision,) = decide_all([question], known, ladder=SHIPPED, at=at_noon(MADE_ON + timedelta(days=days)))

    said = [f"{step.source}: {step.answered}" for step in decision.evidence]
    assert isinstance(decision, Attributed) is is_believed, said
    assert ("network-file 2026-11-01: not used: the import is older than 400 days" in said) is not is_believed
    assert ("network-file 2026-11-01: NL" in said) is is_believed


def test_a_directory_that_was_decided_by_is_not_held_when_another_takes_its_place() -> None:
    """It is hundreds of megabytes."""
    encryptions = Watched()
    known = Directory(
        Registered(version=1, organisations={}, assets=()), network_file=a_file(TABBED), encryptions=encryptions
    )
    decide_all([question_of(a_threat(Asset(ip="192.0.2.9")).indicator)], known, ladder=SHIPPED, at=at_noon(MADE_ON))

    held = weakref.ref(encryptions)
    del known, encryptions
    gc.collect()

    assert held() is None


class Watched(dict[str, Encryption]):
    """Of a mapping without a class of its own nobody can tell when it is gone."""


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
