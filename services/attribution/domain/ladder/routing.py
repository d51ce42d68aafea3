"""Who warns whom: us, the team that looks after such organisations, or the team of another country."""

from libs.common.contracts import Evidence
from libs.common.vocabulary import Outcome, RecipientKind
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.countries import country_of_name
from services.attribution.domain.ladder.names import registration_of
from services.attribution.domain.ladder.organisations import recipient_of_team
from services.attribution.domain.ladder.rules import Abroad
from services.attribution.domain.ladder.values import (
    NAME,
    TO_TEAM,
    Attributed,
    Candidate,
    Decision,
    Route,
    Settled,
    Step,
)
from services.attribution.domain.names import registrable

VITAL_MESSAGE = "This asset belongs to a vital organisation and is handed over to the team that warns those."
SECTOR_MESSAGE = "This asset belongs to an organisation of a sector that another team warns."


def routed(case: Case, step: Step, confidence: float, evidence: tuple[Evidence, ...]) -> Decision:
    """The decision that follows from whom the step leads to."""
    candidate = step.candidate
    if candidate is None or candidate.recipient is None:
        route = candidate.route if candidate is not None else Route.NONE
        return _handed_over(route, evidence)
    abroad = _country_abroad(case, step, candidate)
    if abroad is not None:
        return _abroad(case, abroad, evidence)
    return Attributed(
        candidate.route, candidate.recipient, confidence, evidence, candidate.copies, _concerned(case, step, candidate)
    )


def _concerned(case: Case, step: Step, candidate: Candidate) -> str:
    """The organisation's name, where its team is told and not itself."""
    operator = case.findings.question.listed
    if operator is not None and candidate.route is Route.VITAL and step.organisation_id is None:
        return operator.name
    known = case.directory.registered.organisations.get(step.organisation_id) if step.organisation_id else None
    is_told = candidate.recipient is not None and candidate.recipient.kind is RecipientKind.NATIONAL_CERT
    return known.name if known is not None and is_told else ""


def _handed_over(route: Route, evidence: tuple[Evidence, ...]) -> Settled:
    """To a team that nobody has named to us."""
    is_vital = route is Route.VITAL
    return Settled(
        route=route,
        outcome=Outcome.OUT_OF_SCOPE,
        reason="vital-organisation" if is_vital else "other-teams-sector",
        message=VITAL_MESSAGE if is_vital else SECTOR_MESSAGE,
        evidence=evidence,
    )


def _country_abroad(case: Case, step: Step, candidate: Candidate) -> str | None:
    """The country that we do not serve. Who has registered with us is warned wherever it stands."""
    if step.organisation_id is not None or candidate.route is TO_TEAM or candidate.route is Route.VITAL:
        return None
    names = case.findings.question.names
    code = _country_of_owner(case, names[0]) if names and step.about is NAME else case.country.code
    return None if code is None or code in case.ladder.constituency else code


def _country_of_owner(case: Case, name: str) -> str | None:
    """Where a name leads to its owner: where its server stands says little of them."""
    domain = registrable(name) or name
    return country_of_name(domain, registration_of(case, domain)).code


def _abroad(case: Case, country: str, evidence: tuple[Evidence, ...]) -> Decision:
    team = case.ladder.team_for(sector=None, country=country) if case.ladder.abroad is Abroad.NATIONAL_CERT else None
    if team is not None and not case.why_not(team.email):
        said = case.evidence("national-cert", country, f"{team.name}: {team.email}", evidence[-1].confidence)
        confidence = evidence[-1].confidence
        return Attributed(Route.NATIONAL_CERT, recipient_of_team(team), confidence, (*evidence, said))
    return Settled(
        route=Route.NONE,
        outcome=Outcome.OUT_OF_SCOPE,
        reason="foreign-network",
        message=f"This asset lies in a network in {country}, which is outside the countries that we serve.",
        evidence=evidence,
    )
