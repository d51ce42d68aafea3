"""The checks: each looks at one thing, passively, and says what it saw. Nothing here ever connects to a target.

All of them look at every record, always: a partner sees every reason, not only the first. docs/checks.md is made of
this table.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from libs.common.vocabulary import Outcome
from services.verifier.domain.checks.asset import not_vital, routable
from services.verifier.domain.checks.constituency import asked_for, in_our_country
from services.verifier.domain.checks.contradictions import consistent, no_noise, weight_of_contradictions
from services.verifier.domain.checks.exploitation import exploited
from services.verifier.domain.checks.exposure import exposed
from services.verifier.domain.checks.knowledge import not_a_known_false_positive, of_an_approved_incident
from services.verifier.domain.checks.partner import (
    claimed_with_confidence,
    corroborated,
    from_a_reliable_partner,
    may_be_passed_on,
    of_a_good_track_record,
)
from services.verifier.domain.checks.shared import not_shared
from services.verifier.domain.checks.times import STRANGE_BEGINNING_WEIGHT, fresh, plausible
from services.verifier.domain.checks.versions import of_an_affected_version
from services.verifier.domain.rules import (
    CONTRADICTION_WEIGHT,
    COUNTRY_DISAGREEMENT_WEIGHT,
    GREATEST_TRACK_RECORD_WEIGHT,
    RELIABILITY_WEIGHT,
    SHARED_HOSTING_WEIGHT,
    Rules,
)
from services.verifier.domain.values import Case, Reason

Look = Callable[[Case, Rules, datetime], Reason]


class Check(NamedTuple):
    """One check, with what follows from it: how a record ends that fails it, and what its warnings may take away.

    A record that fails one that `refutes` is very likely wrong, which its grade says. `by_file_only`: none fails it
    unless an operator's file of rules says how it is to end.
    """

    name: str
    look: Look
    fails_as: Outcome | None = None
    refutes: bool = False
    warns_up_to: float = 0.0
    by_file_only: bool = False

    @property
    def about(self) -> str:
        """The sentence that says what it looks at."""
        return " ".join((self.look.__doc__ or "").split())


CHECKS: tuple[Check, ...] = (
    Check("routable", routable, fails_as=Outcome.REFUTED, refutes=True),
    Check("plausible", plausible, fails_as=Outcome.REFUTED, refutes=True, warns_up_to=STRANGE_BEGINNING_WEIGHT),
    Check("known-false-positive", not_a_known_false_positive, fails_as=Outcome.REFUTED, refutes=True),
    Check("fresh", fresh, fails_as=Outcome.EXPIRED),
    Check("country", in_our_country, fails_as=Outcome.OUT_OF_SCOPE, warns_up_to=COUNTRY_DISAGREEMENT_WEIGHT),
    Check("vital", not_vital, fails_as=Outcome.OUT_OF_SCOPE, by_file_only=True),
    Check("opt-in", asked_for, fails_as=Outcome.OUT_OF_SCOPE),
    Check("sharing", may_be_passed_on, fails_as=Outcome.HELD),
    Check("incident", of_an_approved_incident, fails_as=Outcome.HELD),
    Check("noise", no_noise, fails_as=Outcome.HELD),
    Check("shared", not_shared, fails_as=Outcome.HELD, warns_up_to=SHARED_HOSTING_WEIGHT),
    Check("version", of_an_affected_version, fails_as=Outcome.HELD),
    Check("consistent", consistent, warns_up_to=weight_of_contradictions(5, CONTRADICTION_WEIGHT)),
    Check("partner-reliability", from_a_reliable_partner, warns_up_to=max(RELIABILITY_WEIGHT.values())),
    Check("track-record", of_a_good_track_record, warns_up_to=GREATEST_TRACK_RECORD_WEIGHT),
    Check("claimed-confidence", claimed_with_confidence, warns_up_to=0.5),
    Check("corroborated", corroborated),
    Check("exploited", exploited),
    Check("exposure", exposed),
)
"""In the order in which they speak for a record: where several fail, the first says how it ends."""

LOOKS: tuple[Look, ...] = tuple(check.look for check in CHECKS)
OUTCOME_OF_FAILED = {check.name: check.fails_as for check in CHECKS if check.fails_as is not None}
REFUTING = frozenset(check.name for check in CHECKS if check.refutes)
