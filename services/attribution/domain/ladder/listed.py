"""Before any rung: what is on the verifier's list of those whom another team warns goes to that team."""

from collections.abc import Iterable
from datetime import datetime

from libs.common.contracts import Evidence, ListedOperator
from libs.common.vocabulary import Outcome
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.organisations import recipient_of_team
from services.attribution.domain.ladder.rules import Action, Handover, Ladder, Team
from services.attribution.domain.ladder.values import Candidate, Route, Settled, Step
from services.attribution.domain.organisations import Criticality

SOURCE = "vital-list"
CERTAIN = 1.0
"""The list is the operator's own."""

ENDED_BY_VERIFIER = "ended-by-verifier"


def listed(case: Case) -> Iterable[Step]:
    """Registered or not, whom the list names is not written to by us, unless the table of routes says `notify`.

    Not even where their team can't be reached.
    """
    operator = case.findings.question.listed
    if operator is None:
        return ()
    row = case.ladder.handover_of(Criticality.VITAL, operator.sector or None)
    answered = f"{operator}"
    if row is None or row.action is Action.NOTIFY:
        return (Step(case.evidence(SOURCE, case.findings.question.asked, f"{answered}, to be warned like anybody")),)
    team = _named(operator.warned_by, case.ladder) or _team_of(operator, row, case)
    why_not = case.why_not(team.email) if team is not None else ""
    if team is None:
        answered = f"{answered}, whose team has no address here"
    else:
        answered = f"{answered}: {team.name}" + (f", {why_not}" if why_not else "")
    evidence = case.evidence(SOURCE, case.findings.question.asked, answered, CERTAIN)
    candidate = Candidate(Route.VITAL, CERTAIN, recipient_of_team(team) if team and not why_not else None)
    return (Step(evidence, candidate, witness=SOURCE),)


def ended_by_verifier(operator: ListedOperator, outcome: Outcome, *, asked: str, at: datetime) -> Settled:
    """Of a look-up only: no such record comes here."""
    answered = f"{operator}, whose records end there as {outcome} by the rules in force"
    return Settled(
        route=Route.VITAL,
        outcome=outcome,
        reason=ENDED_BY_VERIFIER,
        message="",
        evidence=(Evidence(source=SOURCE, asked=asked, answered=answered, at=at, confidence=CERTAIN),),
    )


def _team_of(operator: ListedOperator, row: Handover, case: Case) -> Team | None:
    """That of the table of routes, else of the sector, else of our country."""
    ladder = case.ladder
    if row.team is not None:
        return ladder.teams.get(row.team)
    ours = sorted(ladder.constituency)
    countries = (case.country.code, *ours) if case.country.code in ladder.constituency else ours
    teams = (ladder.team_for(sector=operator.sector or None, country=country) for country in countries)
    return next(filter(None, teams), None)


def _named(text: str, ladder: Ladder) -> Team | None:
    """Whom the list names, by the key or the name of a team."""
    wanted = text.casefold()
    return next((team for key, team in ladder.teams.items() if wanted in {key.casefold(), team.name.casefold()}), None)
