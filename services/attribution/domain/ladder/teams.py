"""The last rung: the CSIRT of the sector or of the country, where the operator has named one."""

from collections.abc import Iterable

from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.organisations import recipient_of_team
from services.attribution.domain.ladder.rules import Certainty
from services.attribution.domain.ladder.values import About, Candidate, Route, Step

SOURCE = "national-cert"


def national_cert(case: Case) -> Iterable[Step]:
    """Silent where no team is named for the country that it lies in."""
    team = case.ladder.team_for(sector=_sector(case), country=case.country.code) if case.ladder.teams else None
    if team is None:
        return ()
    confidence = case.confidence(Certainty.NATIONAL_CERT)
    asked = case.country.code or _sector(case) or ""
    if why_not := case.why_not(team.email):
        return (Step(case.evidence(SOURCE, asked, f"{team.name}: {team.email}, {why_not}"), about=About.COUNTRY),)
    evidence = case.evidence(SOURCE, asked, f"{team.name}: {team.email}", confidence)
    candidate = Candidate(Route.NATIONAL_CERT, confidence, recipient_of_team(team))
    return (Step(evidence, candidate, about=About.COUNTRY, witness=SOURCE),)


def _sector(case: Case) -> str | None:
    """Of the organisation whose asset it is, if that is known and could not be written to."""
    findings = case.findings
    claims = (findings.by_name, findings.by_address, findings.by_asn)
    known = (case.directory.organisation(asset) for asset in claims if asset is not None)
    organisation = next(known, findings.learnt.organisation if findings.learnt else None)
    return organisation.sector if organisation is not None else None
