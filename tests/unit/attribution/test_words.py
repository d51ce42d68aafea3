"""How a decision is told to an analyst."""

from libs.common.contracts.intake import Asset
from services.attribution.domain.ladder import explain
from services.attribution.domain.ladder.deciding import MESSAGES
from services.attribution.domain.ladder.words import REASONS, WHO
from tests.unit.attribution.test_worked_cases import Case, all_cases, verdict_on


def test_the_conclusion_comes_first_then_each_step() -> None:
    verdict = verdict_on(Case(name="", asset=Asset(ip="192.0.2.50"), to="abuse@isp.example"))

    assert explain(verdict, asked="192.0.2.50") == [
        (
            "A warning about 192.0.2.50 would go to Voorbeeld Internet B.V. at abuse@isp.example, who can reach "
            "whoever is hit; that is 50 percent certain."
        ),
        "Our register of organisations, asked for the address 192.0.2.50: not registered.",
        "The country of 192.0.2.50, by the RIPE database as of 2026-11-20: NL.",
        (
            "The RIPE database, asked whose network 192.0.2.50 lies in as of 2026-11-20: 192.0.2.0/26 ISP-CUSTOMER: "
            "abuse@isp.example, inherited from 192.0.2.0/24, which counts 50 percent."
        ),
    ]


def test_a_doubt_names_the_choice() -> None:
    asset = Asset(domain="bakery.example", url="https://brouwerij.example/")

    told = explain(verdict_on(Case(name="", asset=asset)), asked="bakery.example")

    assert told[0] == (
        "A person would have to decide about bakery.example: two sources name different organisations. "
        "The choice is between: Bakery, Brouwerij."
    )


def test_what_would_be_asked_first_is_said() -> None:
    told = explain(verdict_on(Case(name="", asset=Asset(domain="shop.nl"), online=True, waits=True)), asked="shop.nl")

    assert told == ["It is not decided yet about shop.nl: we would first ask security-txt about shop.nl."]


def test_there_are_words_for_every_step_and_every_reason_of_the_worked_cases() -> None:
    for parameter in all_cases():
        verdict = verdict_on(parameter.values[0])
        sentences = explain(verdict, asked="it")
        assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in sentences)
        assert not any(sentence.startswith("The source ") for sentence in sentences), sentences
        assert getattr(verdict, "reason", "no-recipient") in REASONS


def test_every_doubt_has_words_for_the_partner_and_for_the_analyst() -> None:
    assert set(MESSAGES) <= set(REASONS)
    assert all(text.isascii() for text in WHO.values())
