"""Threats that stand aside until an outside source has answered, and how long they may.

No batch waits for the outside. A threat whose recipient an answer could still change steps out of the flow, its
questions are asked in the background, and it is decided with the answers, or at the latest at `decide_by` without.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.contracts import Indicator, ThreatVerified
from libs.common.vocabulary import Severity
from services.attribution.domain.answers import Answer, Enquiry, Source

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
LATE_FOR = timedelta(days=7)
"""For how long an answer that comes after the decision can still find somebody where nobody was found."""
URGENCY = {severity: number for number, severity in enumerate(Severity, start=1)}


class Patience(msgspec.Struct, frozen=True):
    """How long a threat may stand aside. Of what is reported under a `silent` category nothing is fetched: an intruder
    may be watching. Categories are the first words of the taxonomy (RSIT).
    """

    critical: timedelta
    other: timedelta
    silent: frozenset[str] = frozenset()

    def decide_by(self, threat: ThreatVerified, *, now: datetime) -> datetime:
        return now + (self.critical if threat.severity is Severity.CRITICAL else self.other)

    def online(self, enabled: frozenset[Source], indicator: Indicator) -> frozenset[Source]:
        """Who may be asked about this. Only `security.txt` is asked of the host itself."""
        if Source.SECURITY_TXT in enabled and indicator.category.partition("/")[0] in self.silent:
            return enabled - {Source.SECURITY_TXT}
        return enabled


class PendingThreat(msgspec.Struct, frozen=True, kw_only=True):
    """A threat that stands aside. One that is `decided` found nobody, and waits for what comes late."""

    threat: ThreatVerified
    arrived_at: datetime
    decide_by: datetime
    decided: bool = False

    @property
    def indicator_id(self) -> UUID:
        return self.threat.indicator_id

    def may_wait(self, *, now: datetime) -> bool:
        return now < self.decide_by

    def is_past_hope(self, *, now: datetime) -> bool:
        return self.decided and now >= self.late_until

    @property
    def late_until(self) -> datetime:
        return self.decide_by + LATE_FOR


class Asked(msgspec.Struct, frozen=True):
    """A question, and the threat that waits for its answer."""

    enquiry: Enquiry
    indicator_id: UUID
    urgency: int


class Claimed(msgspec.Struct, frozen=True):
    """A question that this process asks now, and how often it was asked before."""

    enquiry: Enquiry
    tries: int


class OpenEnquiry(msgspec.Struct, frozen=True, kw_only=True):
    """A question without an answer, as a person sees it."""

    enquiry: Enquiry
    wanted_since: datetime
    next_try_at: datetime
    tries: int
    threats: int
    failure: str = ""


def next_try_at(claimed: Claimed, answer: Answer) -> datetime:
    """After a failure: twice as long as the time before, and not before the source wants to be asked again."""
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(claimed.tries, 20)))
    return max(answer.at + pause, min(answer.until, answer.at + LONGEST_PAUSE))


def answers_only(answers: Mapping[Enquiry, Answer]) -> dict[Enquiry, Answer]:
    """Without the failures: whoever can wait gets another try."""
    return {enquiry: answer for enquiry, answer in answers.items() if not answer.failure}


def asked_for(threat: ThreatVerified, enquiries: Iterable[Enquiry]) -> list[Asked]:
    return [Asked(enquiry, threat.indicator_id, URGENCY[threat.severity]) for enquiry in enquiries]


def urgencies(asked: Iterable[Asked]) -> list[tuple[Enquiry, int]]:
    """Each question once, as urgent as the most urgent threat that waits for it, in the order of all locks."""
    most_urgent: dict[Enquiry, int] = {}
    for each in asked:
        most_urgent[each.enquiry] = min(each.urgency, most_urgent.get(each.enquiry, each.urgency))
    return sorted(most_urgent.items())
