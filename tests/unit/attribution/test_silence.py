"""What an analyst is told of a threat for which nobody was found."""

from collections.abc import Iterable

import msgspec
import pytest

from libs.common.contracts import Asset, Evidence, Indicator
from libs.common.contracts.intake import CERTIFICATE_FIELD
from services.attribution.domain.answers import Source
from services.attribution.domain.directory import question_of
from services.attribution.domain.ladder import Doubted, Ladder, Settled
from services.attribution.domain.ladder.rules import Rung, Team
from services.attribution.domain.silence import NOT_ON_THE_LADDER, OFF, WATCHED, Heard, rungs_told, would_help
from tests.unit.attribution.test_worked_cases import Case, all_cases, verdict_on
from tests.unit.attribution.world import NOW, SHIPPED, ladder_of

ALL = frozenset(Source)
NOBODY: frozenset[Source] = frozenset()


def heard_of(
    case: Case,
    *,
    enabled: frozenset[Source] = NOBODY,
    online: frozenset[Source] | None = None,
    ladder: Ladder | None = None,
) -> Heard:
    """As the service hears it whose sources are these."""
    verdict = verdict_on(case)
    assert isinstance(verdict, Settled | Doubted), verdict
    extra = {CERTIFICATE_FIELD: case.certificate} if case.certificate else {}
    indicator = Indicator(
        seen_at=NOW, category=case.category, identifier="x", asset=case.asset, asn=case.asn, extra=extra
    )
    return Heard(
        question=question_of(indicator),
        evidence=verdict.evidence,
        ladder=ladder or ladder_of(case.ladders),
        enabled=enabled,
        online=enabled if online is None else online,
    )


def silent(heard: Heard, *rungs: Rung) -> set[str]:
    found = {each.rung: each.silent_because for each in rungs_told(heard)}
    return {found[rung] for rung in rungs}


def helps(heard: Heard) -> list[str]:
    return would_help(heard, has_candidates=False)


def because(steps: Iterable[tuple[str, str]]) -> Heard:
    """Of a shop of which the sources have said this."""
    evidence = tuple(
        Evidence(source=source, asked="shop.nl", answered=answered, at=NOW, confidence=0.0)
        for source, answered in steps
    )
    indicator = Indicator(seen_at=NOW, category="vulnerable/x", identifier="x", asset=Asset(domain="shop.nl"))
    return Heard(question=question_of(indicator), evidence=evidence, ladder=SHIPPED, enabled=ALL, online=ALL)


@pytest.mark.parametrize("case", [each for each in all_cases() if each.values[0].ends])
def test_every_rung_has_said_something_or_it_is_said_why_not(case: Case) -> None:
    told = rungs_told(heard_of(case, enabled=ALL if case.online else NOBODY))

    assert {each.rung for each in told} == set(Rung)
    assert all(bool(each.said) != bool(each.silent_because) for each in told)


def test_what_is_switched_off_is_named_with_its_setting() -> None:
    heard = heard_of(Case(name="", asset=Asset(domain="shop.nl")))

    assert silent(heard, Rung.SECURITY_TXT, Rung.COMPANY_REGISTRY, Rung.RDAP_DOMAIN) == {OFF}
    assert silent(heard, Rung.ROLE_NAMES) == {NOT_ON_THE_LADDER}
    assert silent(heard, Rung.NETWORK, Rung.RDAP_NETWORK) == {"the record has no address"}
    assert helps(heard) == [
        "Register shop.nl with its organisation, if you know whose it is.",
        "Switch on security-txt (SECURITY_TXT_ENABLED): it was not asked.",
        "Switch on company-registry (KVK_BASE_URL or COMPANY_FILE): it was not asked.",
        "Switch on rdap-domain (RDAP_BOOTSTRAP_DIR): it was not asked.",
        "Name the CSIRT of your country in the ladder file: it is told where nobody else is found.",
    ]


def test_what_could_not_help_is_not_to_be_switched_on() -> None:
    heard = heard_of(Case(name="", asset=Asset(ip="145.10.20.9")))

    assert silent(heard, Rung.SECURITY_TXT, Rung.COMPANY_REGISTRY, Rung.RDAP_DOMAIN, Rung.PLATFORM) == {
        "the record has no name that could be asked for"
    }
    assert [sentence for sentence in helps(heard) if "Switch on" in sentence] == [
        "Switch on rdap-network (RDAP_BOOTSTRAP_DIR): it was not asked."
    ]
    assert "Bring in a dump of the registry that 145.10.20.9 belongs to." in helps(heard)


def test_a_host_that_may_be_watched_is_said_to_be_left_alone() -> None:
    case = Case(name="", asset=Asset(domain="shop.nl"))
    heard = heard_of(case, enabled=ALL, online=ALL - {Source.SECURITY_TXT})

    assert silent(heard, Rung.SECURITY_TXT) == {WATCHED}
    assert not any("security-txt" in sentence for sentence in helps(heard))


def test_an_attackers_name_is_asked_of_who_sold_it_alone() -> None:
    case = Case(name="", asset=Asset(domain="evil.nl"), category=min(SHIPPED.malicious))
    heard = heard_of(case)

    assert silent(heard, Rung.SECURITY_TXT, Rung.RDAP_DOMAIN) == {
        "the name serves an attacker: what it publishes of itself is the attacker's word"
    }
    assert silent(heard, Rung.REGISTRAR) == {OFF}


def test_a_platforms_name_is_told_from_others() -> None:
    assert silent(heard_of(Case(name="", asset=Asset(domain="me.github.io"))), Rung.PLATFORM) == {OFF}
    assert silent(heard_of(Case(name="", asset=Asset(domain="shop.nl"))), Rung.PLATFORM) == {
        "no platform gave out the name"
    }


def test_a_team_that_is_named_need_not_be() -> None:
    ladder = msgspec.structs.replace(SHIPPED, teams={"cert": Team("CERT", "cert@cert.example")})
    heard = heard_of(Case(name="", asset=Asset(domain="shop.nl")), ladder=ladder)

    assert not any("CSIRT" in sentence for sentence in helps(heard))


@pytest.mark.parametrize(
    ("source", "answered", "sentence"),
    [
        (
            "registered-domain",
            "shop.nl of Shop, without a contact that can be written to",
            "Give a contact to the organisation that shop.nl is registered with.",
        ),
        (
            "registered-domain",
            "not registered: a claim on shop.nl is unproven, and nobody is taken at their word",
            "Decide about the claim on shop.nl, or have it proven.",
        ),
        (
            "ripe:abuse-c 2026-03-01",
            "not used: the import is older than 90 days",
            "Bring in a newer ripe:abuse-c 2026-03-01: what there is is too old to be believed.",
        ),
        (
            "rdap-domain",
            "did not answer: it takes no connection",
            "Wait: rdap-domain is asked again, and what it says later still counts.",
        ),
        ("security-txt", "not asked", "Wait: security-txt is asked again, and what it says later still counts."),
    ],
)
def test_what_is_missing_is_told(source: str, answered: str, sentence: str) -> None:
    assert sentence in helps(because([(source, answered)]))


@pytest.mark.parametrize(
    ("source", "answered"),
    [
        ("company-registry", "not asked: its registry names no registrant"),
        ("rdap-domain", "registered by Shop, without a contact of the holder that can be written to"),
    ],
)
def test_nothing_is_asked_of_an_operator_that_would_not_help(source: str, answered: str) -> None:
    assert helps(because([(source, answered)]))[1:] == [
        "Name the CSIRT of your country in the ladder file: it is told where nobody else is found."
    ]


def test_the_same_is_said_once() -> None:
    twice = because([("rdap-domain", "did not answer: x"), ("rdap-domain", "did not answer: y")])

    assert len(helps(twice)) == len(set(helps(twice)))
