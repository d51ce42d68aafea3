"""Which target becomes part of a mail, and when; and which does not, and why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts import address_of, is_team
from libs.common.vocabulary import RecipientKind, Severity
from services.notifier.domain.withdrawal import WITHDRAWN


class PlanningPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long a target waits for others of its kind, and how much mail a recipient gets.

    `daily_cap` counts the incidents that a recipient is written about within a day; a critical one always goes, and so
    does all that is handed over to a national or sector team, whose work that is. A correction waits for others of the
    same notification as well, and is kept back by neither interval nor cap. What continues a notification waits for the
    rest of it, whatever its severity.
    """

    windows: Mapping[Severity, timedelta]
    repeat_interval: timedelta
    daily_cap: int
    correction_window: timedelta = timedelta(minutes=10)
    continuation_window: timedelta = timedelta(seconds=30)


class SuppressionReason(StrEnum):
    """Why an address is not written to."""

    OPT_OUT = "opt-out"
    UNDELIVERABLE = "undeliverable"
    BOUNCED = "bounced"
    COMPLAINT = "complaint"
    OPERATOR = "operator"


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """Do not write to `value`, an address or a domain with its subdomains; an empty `incident` means any."""

    value: str
    reason: SuppressionReason
    incident: str = ""


class StoredSuppression(msgspec.Struct, frozen=True, kw_only=True):
    """A suppression, and who ordered it when."""

    id: UUID
    suppression: Suppression
    note: str
    created_at: datetime
    created_by: str


class Warned(msgspec.Struct, frozen=True):
    """A recipient was told, or is about to be told, about one threat."""

    recipient_key: str
    threat_id: UUID


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What the decisions on a batch need to know of the past.

    `incidents` holds what each recipient was written about within a day, or is waiting to be written about; `closed`
    the incidents that nobody is written to about any more; `approved` those that may be written about now. Of a threat
    in `withdrawn`, what had been received until then is not mailed.
    """

    suppressions: Sequence[Suppression] = ()
    warned: frozenset[Warned] = frozenset()
    incidents: Mapping[str, frozenset[str]] = {}
    closed: frozenset[str] = frozenset()
    approved: frozenset[str] = frozenset()
    withdrawn: Mapping[UUID, datetime] = {}

    def is_withdrawn(self, target: Target) -> bool:
        until = self.withdrawn.get(target.threat_id)
        return until is not None and target.received_at <= until


class Planned(msgspec.Struct, frozen=True):
    """The target waits for its mail until `due_at` at the latest."""

    target: Target
    due_at: datetime


class Suppressed(msgspec.Struct, frozen=True):
    """The target is not mailed; `message` is for the partner and names nobody."""

    target: Target
    reason: str
    message: str


Decision = Planned | Suppressed

INCIDENT_CLOSED = "incident-closed"

MESSAGES: Mapping[str, str] = {
    WITHDRAWN: "It turned out to be no threat before the mail went out.",
    INCIDENT_CLOSED: "The incident was closed before the mail went out.",
    SuppressionReason.OPT_OUT: "The recipient has asked not to be written to.",
    SuppressionReason.UNDELIVERABLE: "The recipient's address does not take mail.",
    SuppressionReason.BOUNCED: "Mail to the recipient's address came back.",
    SuppressionReason.COMPLAINT: "The recipient has complained about our mail.",
    SuppressionReason.OPERATOR: "An operator has decided not to write to this recipient.",
}


def plan(targets: Sequence[Target], *, history: History, policy: PlanningPolicy, now: datetime) -> list[Decision]:
    """Decide on a batch, in order: what an earlier target of the batch uses up of a cap is gone for a later one."""
    silent = SuppressionList(history.suppressions)
    incidents = {recipient: set(known) for recipient, known in history.incidents.items()}
    decisions: list[Decision] = []
    for target in targets:
        known = incidents.setdefault(target.recipient.key, set())
        decision = _plan_one(target, silent=silent, history=history, known=known, policy=policy, now=now)
        if isinstance(decision, Planned):
            known.add(target.incident)
        decisions.append(decision)
    return decisions


def _plan_one(
    target: Target,
    *,
    silent: "SuppressionList",
    history: History,
    known: set[str],
    policy: PlanningPolicy,
    now: datetime,
) -> Decision:
    if history.is_withdrawn(target):
        return Suppressed(target, WITHDRAWN, MESSAGES[WITHDRAWN])
    if target.incident in history.closed:
        return Suppressed(target, INCIDENT_CLOSED, MESSAGES[INCIDENT_CLOSED])
    if (suppression := silent.covering(target.recipient.key, target.incident)) is not None:
        return Suppressed(target, suppression.reason, MESSAGES[suppression.reason])
    if Warned(target.recipient.key, target.threat_id) in history.warned:
        days = policy.repeat_interval.days
        return Suppressed(target, "interval", f"The recipient was told of this threat less than {days} days ago.")
    if _over_cap(target, known, policy.daily_cap):
        return Suppressed(target, "cap", f"The recipient has had mail about {policy.daily_cap} incidents within a day.")
    window = policy.continuation_window if target.continued else policy.windows[target.severity]
    return Planned(target, now + window)


def _over_cap(target: Target, known: set[str], daily_cap: int) -> bool:
    is_handed_over = target.recipient.kind is RecipientKind.NATIONAL_CERT
    if is_handed_over or target.severity is Severity.CRITICAL or target.incident in known:
        return False
    return len(known) >= daily_cap


class SuppressionList:
    """The suppressions of a batch, found by address or by any domain above it."""

    def __init__(self, suppressions: Iterable[Suppression]) -> None:
        self._by_value: dict[tuple[str, str], Suppression] = {(s.value, s.incident): s for s in suppressions}

    def covering(self, recipient_key: str, incident: str) -> Suppression | None:
        """The narrowest suppression that covers this recipient and incident; of a team only what a person ordered.

        Nobody hands over to a national team in vain: neither a click in its mailbox nor a bounce ends that by itself.
        """
        for value in covering_values(recipient_key):
            for about in (incident, ""):
                found = self._by_value.get((value, about))
                if found is not None and reaches(found, recipient_key):
                    return found
        return None


def reaches(suppression: Suppression, recipient_key: str) -> bool:
    """Whether a suppression of this address is one of this recipient too."""
    return suppression.reason is SuppressionReason.OPERATOR or not is_team(recipient_key)


def covering_values(recipient_key: str) -> list[str]:
    """What a suppression of this address can be filed under: the address, its domain, and every domain above.

    Who asked us not to write gets no test either; none is ever filed under the key of a test.
    """
    labels = domain_of(recipient_key).split(".")
    return [address_of(recipient_key), *(".".join(labels[start:]) for start in range(len(labels)))]


def domain_of(recipient_key: str) -> str:
    """The domain of an address."""
    return recipient_key.rpartition("@")[2]
