"""The operator's own ladder: what it changes, and how it says what is wrong."""

from pathlib import Path

import msgspec
import pytest

from libs.common.errors import Fatal
from libs.common.vocabulary import Language
from services.attribution.domain.ladder import BrokenLadder, read_ladder
from services.attribution.domain.ladder.providers import ProviderKind
from services.attribution.domain.ladder.rules import Abroad, Action, Certainty, Handover, NameKind, Rung, Team
from services.attribution.handlers import ladder_of
from tests.unit.attribution.world import SHIPPED

DUTCH = frozenset({"NL"})


def test_the_shipped_ladder_says_what_each_way_counts_and_each_name_proves() -> None:
    assert set(SHIPPED.confidence) == set(Certainty)
    assert set(SHIPPED.proof) == set(NameKind)


def test_the_shipped_ladder_has_all_rungs_but_the_one_that_guesses_in_the_order_of_this_house() -> None:
    assert SHIPPED.rungs == tuple(rung for rung in Rung if rung is not Rung.ROLE_NAMES)


def test_the_shipped_ladder_names_nobody_to_write_to() -> None:
    assert (SHIPPED.teams, SHIPPED.team_of_country, SHIPPED.team_of_sector) == ({}, {}, {})


def test_every_shipped_provider_says_how_we_know_and_since_when() -> None:
    assert {provider.kind for provider in SHIPPED.providers.all} == set(ProviderKind)
    assert all(provider.source and provider.listed_on for provider in SHIPPED.providers.all)


def test_every_as_of_a_shipped_provider_is_ones_alone_and_stands_in_its_source() -> None:
    asns = [(asn, provider) for provider in SHIPPED.providers.all for asn in provider.asns]

    assert len({asn for asn, _ in asns}) == len(asns)
    assert [asn for asn, provider in asns if str(asn) not in provider.source] == []


@pytest.mark.parametrize(
    ("asn", "kind"),
    [(13335, "cdn"), (209242, "cdn"), (20940, "cdn"), (63949, "cloud"), (14061, "cloud"), (53831, "hosting")],
)
def test_what_is_provided_in_an_as_is_known(asn: int, kind: str) -> None:
    provider = SHIPPED.providers.around(None, asns=(asn,))

    assert provider is not None
    assert provider.kind == kind


def test_a_file_changes_what_it_names_and_nothing_else() -> None:
    ladder = read_ladder(
        """
        [ladder]
        rungs = ["registered", "network"]
        countries = ["NL", "BE"]
        threshold = 0.5
        abroad = "national-cert"

        [confidence]
        own-desk = 0.65

        [greatest_age_days]
        ripe = 14

        [team.cert]
        name = "CERT"
        email = "CERT@CERT.example"
        language = "nl"

        [team_of_country]
        BE = "cert"

        [[handover]]
        criticality = "important"
        sector = "sbi-2008:35"
        action = "both"
        team = "cert"

        [[provider]]
        name = "Ours"
        kind = "access"
        source = "our own list"
        listed_on = 2026-11-28
        asns = [64511]
        """,
        base=SHIPPED,
    )

    assert ladder.rungs == (Rung.REGISTERED, Rung.NETWORK)
    assert ladder.constituency == {"NL", "BE"}
    assert (ladder.threshold, ladder.abroad) == (0.5, Abroad.NATIONAL_CERT)
    assert ladder.confidence == {**SHIPPED.confidence, Certainty.OWN_DESK: 0.65}
    assert ladder.greatest_age_days == {**SHIPPED.greatest_age_days, "ripe": 14}
    assert ladder.teams == {"cert": Team("CERT", "CERT@cert.example", Language.DUTCH)}
    assert ladder.handovers == (Handover(Action.BOTH, "important", "sbi-2008:35", "cert"),)
    assert [provider.name for provider in ladder.providers.all[:2]] == ["Ours", "Cloudflare"]
    assert ladder.conflict_cost == SHIPPED.conflict_cost


def test_an_empty_file_changes_nothing() -> None:
    assert msgspec.structs.asdict(read_ladder("", base=SHIPPED)) == msgspec.structs.asdict(SHIPPED)


BROKEN = """\
[ladder]
rungs = ["registered", "oracle"]
threshold = 2
nonsense = 1
abroad = "nowhere"
[confidence]
own-desk = "much"
guess = 0.1
[proof]
rumour = 0.5
[greatest_age_days]
ripe = 0
[team.cert]
name = "CERT"
email = "no-reply@cert.example"
[team_of_country]
nl = "cert"
BE = "nobody"
[[handover]]
action = "shout"
[[handover]]
action = "hand-over"
team = "nobody"
[[provider]]
name = "Empty"
kind = "cdn"
source = "x"
listed_on = 2026-11-28
[provinces]
x = 1
"""


def test_everything_that_is_wrong_is_named_at_once_with_its_line_and_field() -> None:
    with pytest.raises(BrokenLadder) as broken:
        read_ladder(BROKEN, base=SHIPPED)

    assert [(fault.line, fault.rule) for fault in broken.value.faults] == [
        (2, "ladder.rungs"),
        (3, "ladder.threshold"),
        (4, "ladder.nonsense"),
        (5, "ladder.abroad"),
        (7, "confidence.own-desk"),
        (8, "confidence.guess"),
        (10, "proof.rumour"),
        (12, "greatest_age_days.ripe"),
        (13, "team.cert"),
        (17, "team_of_country.nl"),
        (18, "team_of_country.BE"),
        (19, "handover.0"),
        (21, "handover.1"),
        (24, "provider.0"),
        (29, "provinces"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ladder]\nrungs = ['as', 'as']", "a rung stands in it twice"),
        ("[ladder]\nrungs = 'as'", "it must be a list of texts"),
        ("[ladder]\ncountries = []", "two-letter codes"),
        ("[ladder]\nbounty_domains = ['not a domain']", "is not a domain"),
        ("handover = 1", "it must be written [[handover]]"),
        ("confidence = 1", "it must be a table, written [confidence]"),
        (
            "[[provider]]\nname='x'\nkind='cdn'\nsource='x'\nlisted_on=2026-01-01\nranges=['300.0.0.0/8']",
            "300.0.0.0/8",
        ),
        ("[[provider]]\nname='x'\nkind='zoo'\nsource='x'\nlisted_on=2026-01-01\nasns=[1]", "zoo"),
        (
            "[[provider]]\nname='x'\nkind='cdn'\nsource='x'\nlisted_on=2026-01-01\nnetname_words=['(a+)+']",
            "is not a word",
        ),
        ("[ladder", "Expected"),
    ],
)
def test_what_is_wrong_is_said_in_words(text: str, message: str) -> None:
    with pytest.raises(BrokenLadder, match="line") as broken:
        read_ladder(text, base=SHIPPED)

    assert message in str(broken.value)


def test_a_wrong_file_stops_the_start_with_all_its_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "ladder.toml"
    file.write_text("[ladder]\nthreshold = 2\nnonsense = 1\n")

    with pytest.raises(Fatal) as stopped:
        ladder_of(file, constituency=DUTCH)

    assert "line 2: ladder.threshold" in str(stopped.value)
    assert "line 3: ladder.nonsense" in str(stopped.value)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="can't be read"):
        ladder_of(tmp_path / "none.toml", constituency=DUTCH)


def test_without_a_file_the_countries_are_those_of_the_settings() -> None:
    assert ladder_of(None, constituency=frozenset({"BE"})).constituency == {"BE"}
