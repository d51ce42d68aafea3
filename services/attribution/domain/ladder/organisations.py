"""Organisations that we know: whom of them to write to, or who else warns them."""

from collections.abc import Container
from datetime import datetime

from libs.common.contracts import Copy, Evidence, HandOver, Recipient, Registration, registration_key
from libs.common.vocabulary import RecipientKind
from services.attribution.domain.encryptions import encryption_of
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.rules import Action, Certainty, Handover, Ladder, Team
from services.attribution.domain.ladder.values import ALSO_WARNED, TO_ORGANISATION, About, Candidate, Route, Step
from services.attribution.domain.organisations import (
    ContactRole,
    Organisation,
    RegisteredAsset,
    usable,
)

SECURITY, TO_THEM = ContactRole.SECURITY, RecipientKind.ORGANISATION
FOR_THIS, FOR_ANOTHER = Certainty.SECURITY_CONTACT, Certainty.OTHER_CONTACT


def organisation_step(
    case: Case,
    organisation: Organisation,
    *,
    source: str,
    asked: str,
    answered: str,
    about: About,
    witness: str,
    at_most: float = 1.0,
    rests_on: RegisteredAsset | None = None,
) -> Step:
    """What a rung says that knows the organisation. `at_most`: how much the way proves by which it was found."""
    candidate = candidate_of(
        organisation,
        ladder=case.ladder,
        at=case.at,
        avoiding=case.findings.question.reported_email,
        unreachable=case.unreachable,
        at_most=at_most,
    )
    confidence = 0.0
    if candidate is None:
        answered = f"{answered}, without a contact that can be written to"
    else:
        confidence = candidate.confidence
        if candidate.route is not TO_ORGANISATION or candidate.copies:
            answered = f"{answered}{_other_teams(organisation, candidate)}"
    evidence = Evidence(
        source=source,
        asked=asked,
        answered=answered,
        at=case.at,
        confidence=confidence,
        rests_on=_registration(case, rests_on) if rests_on is not None else None,
    )
    return Step(evidence, candidate, (), about, witness, "", organisation.organisation_id)


def _registration(case: Case, asset: RegisteredAsset) -> Registration:
    key = registration_key(asset.organisation_id, asset.claim.kind, asset.claim.value)
    return Registration(asset=key, revision=case.directory.registered.version)


def _other_teams(organisation: Organisation, candidate: Candidate) -> str:
    kind = ", a vital organisation" if organisation.is_vital else ""
    teams = [team for team in (candidate.recipient, *(copy.recipient for copy in candidate.copies)) if team is not None]
    named = [team.name for team in teams if team.kind is RecipientKind.NATIONAL_CERT]
    return f"{kind}, which {named[0]} warns" if named else kind


def candidate_of(
    organisation: Organisation,
    *,
    ladder: Ladder,
    at: datetime,
    avoiding: str | None = None,
    unreachable: Container[str] = (),
    at_most: float = 1.0,
) -> Candidate | None:
    """Who hears of what hits an organisation; None where it is to be warned and has no contact for it.

    `avoiding` is the address under report, `unreachable` are those that were tried in vain, all in lower case. Only
    contacts that are in force are written to. Of who is handed over nobody else hears, if the team can't be reached.
    """
    row = ladder.handover_of(organisation.decided_criticality, organisation.sector)
    if row is None or row.action is Action.NOTIFY:
        return _own_contact(organisation, ladder, at, avoiding, unreachable, at_most)
    team = team_of(ladder, organisation, row)
    if team is not None and team.email.lower() in unreachable:
        team = None
    if row.action is Action.HAND_OVER:
        route = Route.VITAL if organisation.is_vital else Route.NATIONAL_CERT
        return Candidate(route, at_most, recipient_of_team(team) if team else None)
    own = _own_contact(organisation, ladder, at, avoiding, unreachable, at_most)
    if own is None:
        return Candidate(Route.NATIONAL_CERT, at_most, recipient_of_team(team)) if team else None
    return Candidate(own.route, own.confidence, own.recipient, (_copy_to(team, organisation),) if team else ())


def team_of(ladder: Ladder, organisation: Organisation, row: Handover) -> Team | None:
    if row.team is not None:
        return ladder.teams.get(row.team)
    return ladder.team_for(sector=organisation.sector, country=organisation.country)


def _copy_to(team: Team, organisation: Organisation) -> Copy:
    """The team learns whom it is about, and that they hear of it as well."""
    told = HandOver(reason=ALSO_WARNED, organisation=organisation.name)
    return Copy(recipient=recipient_of_team(team), handed_over=told)


def recipient_of_team(team: Team) -> Recipient:
    return Recipient(kind=RecipientKind.NATIONAL_CERT, name=team.name, email=team.email, language=team.language)


def _own_contact(
    organisation: Organisation,
    ladder: Ladder,
    at: datetime,
    avoiding: str | None,
    unreachable: Container[str],
    at_most: float,
) -> Candidate | None:
    for contact in usable(organisation.contacts, at):
        address = contact.email.lower()
        if address != avoiding and address not in unreachable:
            recipient = Recipient(
                kind=TO_THEM,
                name=organisation.name,
                email=contact.email,
                language=contact.language or organisation.language,
                organisation_id=organisation.organisation_id,
                encryption=encryption_of(contact),
            )
            is_for_this = contact.role is SECURITY
            confidence = ladder.confidence[FOR_THIS if is_for_this else FOR_ANOTHER]
            return Candidate(TO_ORGANISATION, min(confidence, at_most), recipient)
    return None
