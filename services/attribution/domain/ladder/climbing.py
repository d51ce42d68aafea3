"""The rungs in the operator's order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from services.attribution.domain.ladder import behind, companies, domain_registry, guessed, networks, platforms, teams
from services.attribution.domain.ladder import listed as others
from services.attribution.domain.ladder import registered as ours
from services.attribution.domain.ladder import security_txt as published
from services.attribution.domain.ladder.case import Case
from services.attribution.domain.ladder.rules import Ladder, Rung
from services.attribution.domain.ladder.values import Candidate, Step

Climb = Callable[[Case], Iterable[Step]]

RUNGS: Mapping[Rung, Climb] = {
    Rung.REGISTERED: ours.registered,
    Rung.LEARNT: ours.learnt,
    Rung.RECORD_NAMES: ours.record_names,
    Rung.KNOWN_ORGANISATION: behind.known_organisation,
    Rung.SECURITY_TXT: published.security_txt,
    Rung.COMPANY_REGISTRY: companies.company_registry,
    Rung.RDAP_DOMAIN: domain_registry.rdap_domain,
    Rung.ROLE_NAMES: guessed.role_names,
    Rung.PLATFORM: platforms.platform,
    Rung.REGISTRAR: domain_registry.registrar,
    Rung.RDAP_NETWORK: networks.rdap_network,
    Rung.NETWORK: networks.network,
    Rung.SYSTEM: networks.system,
    Rung.NATIONAL_CERT: teams.national_cert,
}
OUTSIDE = frozenset(
    {
        Rung.SECURITY_TXT,
        Rung.COMPANY_REGISTRY,
        Rung.RDAP_DOMAIN,
        Rung.ROLE_NAMES,
        Rung.PLATFORM,
        Rung.REGISTRAR,
        Rung.RDAP_NETWORK,
    }
)
OF_NAMES = (OUTSIDE - {Rung.RDAP_NETWORK}) | {Rung.KNOWN_ORGANISATION}
OF_NETWORKS = frozenset({Rung.RDAP_NETWORK, Rung.NETWORK, Rung.SYSTEM, Rung.NATIONAL_CERT})
"""Before the first of these the country is told, by which they are chosen."""


def climb(case: Case) -> Iterator[Step]:
    """All rungs, best first. Lazy: who needs only the first answer stops there."""
    for rung in rungs_for(case):
        yield from rung(case)


def rungs_for(case: Case) -> tuple[Climb, ...]:
    """Those that could say something: most records have no name, and most are decided without asking outside."""
    findings, question = case.findings, case.findings.question
    has_hints = question.certificate_name is not None or question.reverse_name is not None
    return _plan(
        case.ladder,
        1 if question.names else 0,
        1 if has_hints else 0,
        0 if findings.learnt is None else 1,
        1 if case.online or findings.answers else 0,
        0 if question.listed is None else 1,
    )


@lru_cache(maxsize=256)
def _plan(ladder: Ladder, names: int, hints: int, learnt: int, outside: int, listed: int) -> tuple[Climb, ...]:
    """Which of them are there is told in numbers: keys of these are quickly compared."""
    rungs = [rung for rung in ladder.rungs if names or rung not in OF_NAMES]
    rungs = [rung for rung in rungs if hints or rung is not Rung.RECORD_NAMES]
    rungs = [rung for rung in rungs if learnt or rung is not Rung.LEARNT]
    rungs = [rung for rung in rungs if outside or rung not in OUTSIDE]
    if not ladder.teams:
        rungs = [rung for rung in rungs if rung is not Rung.NATIONAL_CERT]
    plan: list[Climb] = [others.listed] if listed else []
    for rung in rungs:
        if rung in OF_NETWORKS and networks.country not in plan:
            plan.append(networks.country)
        plan.append(RUNGS[rung])
    return tuple(plan)


def ranked(steps: Iterable[Step]) -> list[Candidate]:
    """All who could be written to, most certain first, each once."""
    candidates = (step.candidate for step in steps if step.candidate is not None)
    found: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: -candidate.confidence):
        found.setdefault(candidate.recipient.key if candidate.recipient else candidate.route, candidate)
    return list(found.values())
