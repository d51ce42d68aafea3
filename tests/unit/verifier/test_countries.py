"""In which country it is: what registries' files and names say, and what follows where sources agree or don't."""

import gzip
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts import Asset
from libs.common.vocabulary import Outcome
from services.verifier.domain.countries import Holders, Registry, country_of_ending, read_registry
from services.verifier.domain.judgement import judge
from services.verifier.domain.lists import BrokenList, Edition
from services.verifier.domain.rules import rules_version
from services.verifier.domain.values import CheckResult, Judgement, Reason
from tests.unit.verifier.builders import NOTHING_KNOWN, NOW, RULES, raw

RIPENCC = """\
2.3|ripencc|1772319599|11|19830705|20260228|+0100
ripencc|*|ipv4|*|5|summary
ripencc|*|asn|*|3|summary
ripencc|*|ipv6|*|2|summary
# comment
ripencc|NL|ipv4|145.10.0.0|65536|20100412|allocated|6f1e
ripencc|DE|ipv4|146.0.0.0|768|20100412|allocated|77aa
ripencc|EU|ipv4|147.0.0.0|256|20100412|allocated|99cc
ripencc|ZZ|ipv4|148.0.0.0|256|20100412|allocated|99cd
ripencc||ipv4|149.0.0.0|256||available|
ripencc|NL|asn|1101|2|20100412|allocated|88bb
ripencc|DE|asn|3320|1|20100412|allocated|88bc
ripencc|AP|asn|3330|1|20100412|allocated|88bd
ripencc|NL|ipv6|2a02:a400::|25|20100412|assigned|77ab|e-stats
ripencc|BE|ipv6|2a02:1800::|32||allocated|77aa
"""
DUTCH, GERMAN, NOWHERE = "145.10.20.30", "146.0.2.255", "147.0.0.1"


def holders(*files: tuple[Registry, str]) -> Holders:
    read = {registry: read_registry(registry, text.encode()) for registry, text in files}
    editions = {
        registry: Edition(
            source=registry, made_at=each.made_at, entries=each.entries, imported_at=NOW, imported_by="anna"
        )
        for registry, each in read.items()
    }
    return Holders(editions, {registry: each.tables for registry, each in read.items()})


KNOWN = holders((Registry.RIPENCC, RIPENCC))


def test_a_registry_is_read_with_its_day_and_what_counts_in_it() -> None:
    read = read_registry(Registry.RIPENCC, gzip.compress(RIPENCC.encode()))

    assert (read.made_at, read.entries) == (datetime(2026, 2, 28, tzinfo=UTC), 6)


@pytest.mark.parametrize(
    ("address", "asn", "country"),
    [
        (DUTCH, None, "NL"),
        ("145.10.0.0", None, "NL"),
        ("145.9.255.255", None, None),
        (GERMAN, None, "DE"),
        ("146.0.3.0", None, None),
        (NOWHERE, None, None),
        ("148.0.0.1", None, None),
        ("149.0.0.1", None, None),
        ("2a02:1800::1", None, "BE"),
        ("2a02:1801::", None, None),
        ("2a02:a47f:ffff::", None, "NL"),
        ("::ffff:145.10.20.30", None, "NL"),
        (None, 1102, "NL"),
        (None, 1103, None),
        (None, 3330, None),
        (NOWHERE, 3320, "DE"),
        (DUTCH, 3320, "NL"),
        (None, None, None),
    ],
)
def test_the_holder_of_an_address_or_else_of_its_as_is_found(
    address: str | None, asn: int | None, country: str | None
) -> None:
    assert KNOWN.country_of(address, asn) == country
    assert Holders().country_of(address, asn) is None


def test_where_two_registries_claim_a_number_the_later_edition_is_believed() -> None:
    moved = "2.3|apnic|20260301|1|19830705|20260301|+1000\napnic|AU|ipv4|145.10.20.0|256|20260301|allocated|1\n"
    earlier = moved.replace("20260301", "20260101")

    for files, country in (
        ((RIPENCC, moved), "AU"),
        ((RIPENCC, earlier), "NL"),
    ):
        ripencc, apnic = files
        both = holders((Registry.RIPENCC, ripencc), (Registry.APNIC, apnic))
        assert both.country_of(DUTCH, None) == country
        assert both.country_of("145.10.30.1", None) == "NL"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "says nothing of itself"),
        ("<html>", "line 1: it should first say whose it is"),
        (RIPENCC.replace("|ripencc|1772319599", "|arin|1772319599"), "it is of 'arin', not of ripencc"),
        (RIPENCC.replace("|20260228|", "|yesterday|"), "line 1: it should first"),
        (RIPENCC.replace("|65536|", "|many|"), "line 6: this is no record"),
        (RIPENCC.replace("asn|1101|2|20100412|allocated|88bb", "asn|1101"), "line 11: this is no record"),
        (RIPENCC.replace("|11|1983", "|5000|1983"), "it announces 5000 records and has 10"),
        (RIPENCC.partition("ripencc|NL|ipv4")[0].replace("|11|", "|0|"), "nobody in it"),
    ],
)
def test_a_file_that_is_none_or_not_all_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(BrokenList, match=said.replace("'", ".")):
        read_registry(Registry.RIPENCC, text.encode())


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    for start in (b"", RIPENCC.encode()):
        with suppress(BrokenList):
            read_registry(Registry.RIPENCC, start + body)


@pytest.mark.parametrize(
    ("ending", "country"),
    [
        ("nl", "NL"), ("de", "DE"), ("uk", "GB"), ("com", None), ("io", None), ("co", None), ("me", None), ("tv", None),
        ("ai", None), ("eu", None), ("shop", None), ("xn--p1ai", None), ("1", None),
    ],
)  # fmt: skip
def test_a_name_says_its_country_where_its_ending_is_not_sold_to_everybody(ending: str, country: str | None) -> None:
    assert country_of_ending(ending) == country


PASS, FAIL, WARN, SKIP = CheckResult.PASS, CheckResult.FAIL, CheckResult.WARN, CheckResult.SKIP
OURS_NAME, OTHER_NAME, ANY_NAME = "bakery.nl", "baeckerei.de", "bakery.io"

TABLE = [
    # record, address, name, result, what is said
    (None, NOWHERE, None, SKIP, "nothing says in which country it is; attribution decides"),
    (None, NOWHERE, ANY_NAME, SKIP, "nothing says in which country it is; attribution decides"),
    ("EU", NOWHERE, None, SKIP, "nothing says in which country it is; attribution decides"),
    ("AP", None, ANY_NAME, SKIP, "nothing says in which country it is; attribution decides"),
    ("NL", NOWHERE, None, PASS, "the record says NL; ours"),
    (None, DUTCH, None, PASS, "its holder is registered in NL; ours"),
    (None, None, OURS_NAME, PASS, "its name is of NL; ours"),
    ("EU", DUTCH, None, PASS, "its holder is registered in NL; ours"),
    ("NL", DUTCH, ANY_NAME, PASS, "the record says NL, its holder is registered in NL; ours"),
    ("NL", DUTCH, OURS_NAME, PASS, "the record says NL, its holder is registered in NL, its name is of NL; ours"),
    ("DE", NOWHERE, None, FAIL, "the record says DE; not ours"),
    (None, GERMAN, None, FAIL, "its holder is registered in DE; not ours"),
    (None, None, OTHER_NAME, FAIL, "its name is of DE; not ours"),
    ("DE", GERMAN, OTHER_NAME, FAIL, "the record says DE, its holder is registered in DE, its name is of DE; not ours"),
    ("FR", GERMAN, None, FAIL, "the record says FR, its holder is registered in DE; not ours"),
    ("NL", GERMAN, None, WARN, "the record says NL, its holder is registered in DE"),
    ("DE", DUTCH, None, WARN, "the record says DE, its holder is registered in NL"),
    ("DE", None, OURS_NAME, WARN, "the record says DE, its name is of NL"),
    ("NL", GERMAN, OURS_NAME, WARN, "the record says NL, its holder is registered in DE, its name is of NL"),
    (None, GERMAN, OURS_NAME, WARN, "its holder is registered in DE, its name is of NL"),
    ("FR", GERMAN, OURS_NAME, WARN, "the record says FR, its holder is registered in DE, its name is of NL"),
]


def judged(record: str | None, address: str | None, name: str | None) -> Judgement:
    asset = Asset(ip=address, domain=name)
    rules = msgspec.structs.replace(RULES, holders=KNOWN)
    return judge(raw(geo_country=record, asset=asset), NOTHING_KNOWN, rules, NOW)


def said_of(check: str, judgement: Judgement) -> Reason:
    (found,) = (reason for reason in judgement.reasons if reason.check == check)
    return found


@pytest.mark.parametrize(("record", "address", "name", "result", "detail"), TABLE)
def test_sources_agree_or_say_that_they_don_t(
    record: str | None, address: str | None, name: str | None, result: CheckResult, detail: str
) -> None:
    judgement = judged(record, address, name)

    assert said_of("country", judgement) == Reason("country", result, {WARN: 0.2, FAIL: 1.0}.get(result, 0.0), detail)
    assert judgement.outcome is (Outcome.OUT_OF_SCOPE if result is FAIL else None)
    assert judgement.confidence == (0.72 if result is WARN else 0.9)


def test_a_url_is_of_the_country_of_its_host_and_a_mailbox_of_none() -> None:
    for asset, result in (
        (Asset(url="https://www.baeckerei.de/login"), FAIL),
        (Asset(url="https://146.0.0.1/login"), SKIP),
        (Asset(email="baker@baeckerei.de"), SKIP),
    ):
        judgement = judge(raw(geo_country=None, asset=asset), NOTHING_KNOWN, RULES, NOW)
        assert said_of("country", judgement).result is result


def test_the_as_that_a_record_names_beside_its_address_is_asked_last() -> None:
    rules = msgspec.structs.replace(RULES, holders=KNOWN)
    for address, result in ((DUTCH, PASS), (NOWHERE, FAIL)):
        event = raw(geo_country=None, asset=Asset(ip=address), asn=3320)
        assert said_of("country", judge(event, NOTHING_KNOWN, rules, NOW)).result is result


def test_how_much_a_disagreement_weighs_is_a_rule() -> None:
    rules = msgspec.structs.replace(RULES, holders=KNOWN, country_disagreement_weight=0.6)

    judgement = judge(raw(asset=Asset(ip=GERMAN)), NOTHING_KNOWN, rules, NOW)

    assert (judgement.outcome, judgement.reason) == (Outcome.HELD, "confidence")
    assert len({rules_version(each) for each in (RULES, rules, msgspec.structs.replace(RULES, holders=KNOWN))}) == 3


def test_a_file_is_stale_after_some_time() -> None:
    edition = KNOWN.editions[Registry.RIPENCC]
    assert edition.made_at.date() == date(2026, 2, 28)
    assert not edition.is_stale(edition.made_at + timedelta(days=30), greatest_age=RULES.greatest_holders_age)
    assert edition.is_stale(edition.made_at + timedelta(days=30, seconds=1), greatest_age=RULES.greatest_holders_age)
