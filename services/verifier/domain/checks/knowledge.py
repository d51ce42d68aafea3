"""Checks against what is known: what people have called wrong, and what there is an advisory for."""

from datetime import datetime
from functools import lru_cache
from itertools import chain

from libs.common.vocabulary import IncidentState
from services.verifier.domain.checks.findings import failed, passed
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason

NOT_CALLED_WRONG = passed("known-false-positive", "nobody has called it wrong")


def not_a_known_false_positive(case: Case, rules: Rules, now: datetime) -> Reason:
    """Nobody has told us that it is wrong: this threat, or what is found at such an asset, by such a rule
    or by such a partner.
    """
    for known in chain(case.false_positives, rules.known_wrong.about(case)):
        if known.covers(case, now):
            return failed("known-false-positive", f"{known.reason}; counts until {known.expires_at:%Y-%m-%d}")
    return NOT_CALLED_WRONG


def of_an_approved_incident(case: Case, _: Rules, __: datetime) -> Reason:
    """There is an approved advisory for it; without one nobody can be told what to do."""
    incident = case.incident
    if incident is None:
        return failed(
            "incident", f"no incident covers {case.event.indicator.identifier} ({case.event.indicator.category})"
        )
    if incident.state is not IncidentState.APPROVED:
        return failed("incident", f"the incident {incident.slug} is {incident.state}")
    return _belongs_to(incident.slug)


@lru_cache(maxsize=1_024)
def _belongs_to(slug: str) -> Reason:
    return passed("incident", f"belongs to {slug}")
