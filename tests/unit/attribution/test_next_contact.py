"""Who else can be told, past those who could not be reached."""

from collections.abc import Iterator

import msgspec
import pytest

from libs.common.contracts import Asset
from libs.common.vocabulary import RecipientKind
from services.attribution.domain.directory import question_of
from services.attribution.domain.ladder import Attributed, Settled, decide, told
from services.attribution.domain.ladder.rules import Action, Handover, Ladder, Team
from services.attribution.domain.learnt import Learnt
from services.attribution.domain.next_contact import MOST_CONTACTS, Exhausted, next_contact
from services.attribution.domain.organisations import Organisation
from tests.unit.attribution.test_ladder import BAKERY, DIRECTORY, LADDER, NOW, an_indicator
from tests.unit.attribution.test_worked_cases import ALL_SOURCES, Case, all_cases, findings_of
from tests.unit.attribution.world import directory, ladder_of

SECURITY, INFO, ABUSE = "security@bakery.example", "info@bakery.example", "abuse@isp.example"


def after(
    asset: Asset, *failed: str, learnt: Organisation | None = None, ladder: Ladder = LADDER
) -> Attributed | Exhausted:
    (findings,) = DIRECTORY.find([question_of(an_indicator(asset, country="NL"))])
    if learnt is not None:
        findings = msgspec.structs.replace(findings, learnt=Learnt(said_by="ann", organisation=learnt))
    verdict = decide(findings, directory=DIRECTORY, ladder=ladder, at=NOW, unreachable=frozenset(failed))
    return next_contact(verdict, failed=failed, organisations=DIRECTORY.registered.organisations, at=NOW)


def with_team(action: Action) -> Ladder:
    """Its team hears of the bakery, alone or beside it, and of the country where nobody else is left."""
    return msgspec.structs.replace(
        LADDER,
        teams={"csirt": Team("CSIRT", "desk@csirt.example")},
        team_of_country={"NL": "csirt"},
        handovers=(Handover(action, team="csirt"),),
    )


@pytest.mark.parametrize(
    ("asset", "failed", "then"),
    [
        (Asset(ip="192.0.2.5"), (SECURITY,), INFO),
        (Asset(ip="192.0.2.5"), (INFO,), SECURITY),
        (Asset(ip="192.0.2.5"), (SECURITY, INFO), ABUSE),
        (Asset(domain="bakery.example"), (SECURITY,), INFO),
        (Asset(domain="branch.bakery.example", ip="192.0.2.17"), ("it@branch.example",), ABUSE),
        (Asset(ip="192.0.2.130"), (), ABUSE),
        (Asset(email=INFO), (SECURITY,), None),
        (Asset(domain="bakery.example"), (SECURITY, INFO), None),
        (Asset(ip="192.0.2.5"), (SECURITY, INFO, ABUSE), None),
        (Asset(ip="192.0.2.130"), (ABUSE,), None),
        (Asset(ip="198.51.100.5"), ("somebody@shop.example",), None),
        (Asset(ip="203.0.113.1"), ("somebody@shop.example",), None),
        (Asset(domain="silent.example"), ("somebody@shop.example",), None),
    ],
)
def test_the_next_contact_is_the_first_that_was_not_tried(
    asset: Asset, failed: tuple[str, ...], then: str | None
) -> None:
    found = after(asset, *failed)
    assert (found.recipient.email if isinstance(found, Attributed) else None) == then


def test_the_evidence_says_who_was_tried_and_how_the_next_was_found() -> None:
    found = after(Asset(ip="192.0.2.5"), SECURITY)
    assert isinstance(found, Attributed)
    assert (found.evidence[0].source, found.evidence[0].asked) == ("delivery", SECURITY)
    assert found.evidence[-1].source == "registered-range"
    assert found.confidence == 0.95
    assert told(found.evidence) == found.evidence


def test_the_owner_of_the_network_does_not_hear_of_whom_else_it_was_tried_with() -> None:
    found = after(Asset(ip="192.0.2.5"), SECURITY, INFO)
    assert isinstance(found, Attributed)
    assert found.recipient.email == ABUSE
    assert any(SECURITY in each.asked for each in found.evidence)
    assert "bakery" not in " ".join(f"{each.asked} {each.answered}".lower() for each in told(found.evidence))


def test_an_organisation_that_a_person_named_has_other_contacts_too() -> None:
    found = after(Asset(domain="elsewhere.example"), SECURITY, learnt=BAKERY)
    assert isinstance(found, Attributed)
    assert (found.recipient.email, found.confidence) == (INFO, 0.9)


def test_the_team_that_hears_of_it_too_takes_over_when_nobody_of_the_organisation_is_left() -> None:
    ladder = with_team(Action.BOTH)
    own = after(Asset(ip="192.0.2.5"), SECURITY, ladder=ladder)
    theirs = after(Asset(ip="192.0.2.5"), SECURITY, INFO, ladder=ladder)
    assert isinstance(own, Attributed)
    assert isinstance(theirs, Attributed)
    assert (own.recipient.email, own.handed_over) == (INFO, None)
    assert theirs.recipient.email == "desk@csirt.example"
    assert theirs.handed_over is not None
    assert theirs.handed_over.organisation == BAKERY.name


def test_what_a_team_alone_hears_goes_to_nobody_else_when_the_team_cannot_be_reached() -> None:
    assert isinstance(after(Asset(ip="192.0.2.5"), "desk@csirt.example", ladder=with_team(Action.HAND_OVER)), Exhausted)


def test_a_countrys_team_is_the_last_and_is_not_asked_twice() -> None:
    ladder = msgspec.structs.replace(with_team(Action.BOTH), handovers=())
    found = after(Asset(ip="192.0.2.130"), ABUSE, ladder=ladder)
    assert isinstance(found, Attributed)
    assert (found.recipient.kind, found.recipient.email) == (RecipientKind.NATIONAL_CERT, "desk@csirt.example")
    assert isinstance(after(Asset(ip="192.0.2.130"), ABUSE, "desk@csirt.example", ladder=ladder), Exhausted)


def test_never_more_than_three() -> None:
    assert isinstance(after(Asset(ip="192.0.2.5"), "a@a.example", "b@b.example", "c@c.example"), Exhausted)


@pytest.mark.parametrize("case", [each for each in all_cases() if each.values[0].to])
def test_whatever_is_known_nobody_is_tried_twice_and_it_comes_to_an_end(case: Case) -> None:
    tried = [found.recipient.email for found in contacts(case)]
    assert tried[0] == case.to
    assert len({email.lower() for email in tried}) == len(tried) < 20


@pytest.mark.parametrize("case", [each for each in all_cases() if each.values[0].to])
def test_whatever_is_known_only_who_is_of_one_house_hears_who_was_tried(case: Case) -> None:
    tried: list[Attributed] = []
    organisations = directory(case.ripe_days, case.delegated_days).registered.organisations
    for found in contacts(case):
        failed = tuple(each.recipient.email.lower() for each in tried)
        then = next_contact(found, failed=failed[: MOST_CONTACTS - 1], organisations=organisations, at=NOW)
        said = " ".join(f"{each.asked} {each.answered}".lower() for each in told(then.evidence))
        strangers = [each.recipient for each in tried[: MOST_CONTACTS - 1]]
        assert not [each for each in strangers if each.email.lower() in said and not _is_one_house(each, found)]
        tried.append(found)


def _is_one_house(recipient: object, found: Attributed) -> bool:
    return getattr(recipient, "organisation_id", None) == found.recipient.organisation_id is not None


def contacts(case: Case) -> Iterator[Attributed]:
    """All whom the ladder knows, each after the one before could not be reached."""
    failed: frozenset[str] = frozenset()
    for _ in range(20):
        verdict = decide(
            findings_of(case),
            directory=directory(case.ripe_days, case.delegated_days),
            ladder=ladder_of(case.ladders),
            at=NOW,
            online=ALL_SOURCES if case.online else frozenset(),
            unreachable=failed,
        )
        if not isinstance(verdict, Attributed):
            assert not isinstance(verdict, Settled) or verdict.reason
            return
        yield verdict
        failed |= {verdict.recipient.email.lower()}
