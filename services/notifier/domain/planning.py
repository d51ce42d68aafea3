"""Which target becomes part of a mail, and when; and which does not, and why."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

import msgspec

from libs.common.contracts import Continued, Recipient, address_of, is_team
from libs.common.contracts import TargetAttributed as Target
from libs.common.vocabulary import Severity
from services.notifier.domain.amount.policy import FREE, AmountPolicy, Subject, slot_to_plan
from services.notifier.domain.amount.repeats import (
    Enough,
    News,
    Reminder,
    RepeatPolicy,
    Told,
    TooSoon,
    is_worse,
    weigh_repeat,
)
from services.notifier.domain.amount.waits import Wait
from services.notifier.domain.notification import MOST_CONTACTS
from services.notifier.domain.withdrawal import WITHDRAWN

REMINDERS: Mapping[Severity, int] = {
    Severity.CRITICAL: 4,
    Severity.HIGH: 3,
    Severity.MEDIUM: 2,
    Severity.LOW: 1,
    Severity.INFO: 0,
}


class PlanningPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long a target waits for others of its kind, and when its recipient is told of it again.

    A correction waits for others of the same notification as well, and is kept back by nothing else. What continues a
    notification waits for the rest of it, whatever its severity.
    """

    windows: Mapping[Severity, timedelta]
    repeat_interval: timedelta
    reminders: Mapping[Severity, int] = msgspec.field(default_factory=lambda: REMINDERS)
    amounts: AmountPolicy = FREE
    correction_window: timedelta = timedelta(minutes=10)
    continuation_window: timedelta = timedelta(seconds=30)

    @property
    def repeats(self) -> RepeatPolicy:
        return RepeatPolicy(interval=self.repeat_interval, reminders=self.reminders)


class SuppressionReason(StrEnum):
    """Why an address is not written to."""

    OPT_OUT = "opt-out"
    UNDELIVERABLE = "undeliverable"
    BOUNCED = "bounced"
    COMPLAINT = "complaint"
    OPERATOR = "operator"


DEAD = frozenset({SuppressionReason.UNDELIVERABLE, SuppressionReason.BOUNCED})
"""What is found of an address, and not said by anybody: whoever else can be told is told instead."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """Do not write to `value` until `until` (None: until somebody ends it).

    It is an address, a domain with its subdomains, an organisation as `of_organisation` names it, or empty: anybody.
    An empty `incident` means any; one of the two is there.
    """

    value: str
    reason: SuppressionReason
    incident: str = ""
    until: datetime | None = None


class StoredSuppression(msgspec.Struct, frozen=True, kw_only=True):
    """A suppression, who ordered it when and why, and who ended it before its time."""

    id: UUID
    suppression: Suppression
    note: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None
    ended_by: str | None = None


ORGANISATION = "organisation:"
ANYBODY = ""


def of_organisation(organisation_id: UUID) -> str:
    """What a suppression of a whole organisation is filed under."""
    return f"{ORGANISATION}{organisation_id}"


class Warned(msgspec.Struct, frozen=True):
    """A recipient was told, or is about to be told, about one threat."""

    recipient_key: str
    threat_id: UUID


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What the decisions on a batch need to know of the past.

    `told` holds what each recipient was told of these threats; `closed` the incidents that nobody is written to about
    any more; `approved` those that may be written about now. Of a threat in `withdrawn`, what had been received until
    then is not mailed.
    """

    suppressions: Sequence[Suppression] = ()
    told: Mapping[Warned, Told] = {}
    closed: frozenset[str] = frozenset()
    approved: frozenset[str] = frozenset()
    withdrawn: Mapping[UUID, datetime] = {}

    def worsened(self, targets: Iterable[Target]) -> set[UUID]:
        """The open notifications whose recipients hear in them of the same threats as these, and of less."""
        if not self.told:
            return set()
        told = ((target, self.told.get(Warned(target.recipient.key, target.threat_id))) for target in targets)
        return {known.open for target, known in told if known and known.open and is_worse(target.severity, known)}

    def but_for(self, closed: Collection[UUID]) -> "History":
        """The same, where these notifications have been closed meanwhile: nothing can join them any more."""
        if not closed:
            return self
        told = {
            warned: msgspec.structs.replace(known, open=None) if known.open in closed else known
            for warned, known in self.told.items()
        }
        return msgspec.structs.replace(self, told=told)

    def is_withdrawn(self, target: Target) -> bool:
        until = self.withdrawn.get(target.threat_id)
        return until is not None and target.received_at <= until


class Planned(msgspec.Struct, frozen=True):
    """The target waits for its mail until `due_at` at the latest: for others, or for what `wait` says.

    With a `reminder` its recipient was told of it before. The notification that it `joins` tells of the same threat.
    """

    target: Target
    due_at: datetime
    wait: Wait | None = None
    reminder: Reminder | None = None
    joins: UUID | None = None


class Suppressed(msgspec.Struct, frozen=True):
    """The target is not mailed; `message` is for the partner and names nobody."""

    target: Target
    reason: str
    message: str


Decision = Planned | Suppressed

INCIDENT_CLOSED = "incident-closed"
INTERVAL = "interval"
REMINDED = "reminded"
CAP = "cap"

MESSAGES: Mapping[str, str] = {
    WITHDRAWN: "It turned out to be no threat before the mail went out.",
    INCIDENT_CLOSED: "The incident was closed before the mail went out.",
    CAP: "Day after day more mail was to go out than may in a day, and this did not get its turn.",
    SuppressionReason.OPT_OUT: "The recipient has asked not to be written to.",
    SuppressionReason.UNDELIVERABLE: "The recipient's address does not take mail.",
    SuppressionReason.BOUNCED: "Mail to the recipient's address came back.",
    SuppressionReason.COMPLAINT: "The recipient has complained about our mail.",
    SuppressionReason.OPERATOR: "An operator has decided not to write to this recipient.",
}


def plan(targets: Sequence[Target], *, history: History, policy: PlanningPolicy, now: datetime) -> list[Decision]:
    """Decide on a batch."""
    silent = SuppressionList(history.suppressions)
    return [_plan_one(target, silent=silent, history=history, policy=policy, now=now) for target in targets]


def _plan_one(
    target: Target, *, silent: "SuppressionList", history: History, policy: PlanningPolicy, now: datetime
) -> Decision:
    if history.is_withdrawn(target):
        return Suppressed(target, WITHDRAWN, MESSAGES[WITHDRAWN])
    if target.incident in history.closed:
        return Suppressed(target, INCIDENT_CLOSED, MESSAGES[INCIDENT_CLOSED])
    suppression = covering_of(silent, target.recipient, target.incident)
    if suppression is not None and not goes_on(target, suppression):
        return Suppressed(target, suppression.reason, MESSAGES[suppression.reason])
    told = _told_before(target, history)
    is_reopened = target.reopened is not None
    policy = policy if suppression is None else msgspec.structs.replace(policy, amounts=FREE)
    repeat = weigh_repeat(told, severity=target.severity, is_reopened=is_reopened, policy=policy.repeats, now=now)
    match repeat:
        case TooSoon(last_at):
            days = (now - last_at).days
            return Suppressed(target, INTERVAL, f"The recipient was told of this threat {_days_ago(days)}.")
        case Enough(mails):
            return Suppressed(
                target, REMINDED, f"The recipient was told of this threat, and reminded {mails - 1} times."
            )
        case News(joins):
            return _planned(target, reminder=None, joins=joins, policy=policy, now=now)
        case Reminder():
            return _planned(target, reminder=repeat, policy=policy, now=now)
        case _:
            assert_never(repeat)


def goes_on(target: Target, suppression: Suppression) -> bool:
    """Whether it is planned all the same, to go on to the next contact when its mail is due: others may join it."""
    return suppression.reason in DEAD and target.recipient.test_of is None and contact_of(target) < MOST_CONTACTS


def continued_by(target: Target) -> Continued | None:
    """What its mail goes on from. One that was attributed anew joins any other, under another reference."""
    return target.continued if target.continued is not None and not target.continued.is_anew else None


def is_said(target: Target) -> bool:
    """Whether its outcome was said before it went on."""
    return target.continued is not None and target.continued.is_settled


def contact_of(target: Target) -> int:
    """Which one of the ladder's contacts it is to, from 1."""
    return len(target.continued.failed) + 1 if target.continued else 1


def _told_before(target: Target, history: History) -> Told | None:
    """A team that has copies alone believes that somebody else was warned: what it is to act on itself is news."""
    told = history.told.get(Warned(target.recipient.key, target.threat_id))
    return None if told is not None and told.by_copies_alone and target.copy_of is None else told


def _days_ago(days: int) -> str:
    return {0: "less than a day ago, or is about to be", 1: "a day ago"}.get(days, f"{days} days ago")


def _planned(
    target: Target,
    *,
    reminder: Reminder | None,
    policy: PlanningPolicy,
    now: datetime,
    joins: UUID | None = None,
) -> Planned:
    subject = Subject(
        recipient_key=target.recipient.key, domain=domain_of(target.recipient.key), severity=target.severity
    )
    window = policy.continuation_window if continued_by(target) else policy.windows[target.severity]
    slot = slot_to_plan(subject, now + window, policy.amounts)
    return Planned(target, slot.at, slot.wait, reminder, joins)


class SuppressionList:
    """The suppressions of a batch, found by address or by any domain above it."""

    def __init__(self, suppressions: Iterable[Suppression]) -> None:
        self._by_value: dict[tuple[str, str], Suppression] = {(s.value, s.incident): s for s in suppressions}

    def covering(self, recipient_key: str, incident: str, organisation_id: UUID | None = None) -> Suppression | None:
        """The narrowest suppression that covers this recipient and incident; of a team only what a person ordered.

        Nobody hands over to a national team in vain: neither a click in its mailbox nor a bounce ends that by itself.
        """
        for value in covering_values(recipient_key, organisation_id):
            for about in (incident, ""):
                found = self._by_value.get((value, about))
                if found is not None and reaches(found, recipient_key):
                    return found
        return None


def covering_of(silent: SuppressionList, recipient: Recipient, incident: str) -> Suppression | None:
    """The narrowest suppression of a recipient."""
    return silent.covering(recipient.key, incident, recipient.organisation_id)


def reaches(suppression: Suppression, recipient_key: str) -> bool:
    """Whether a suppression of this address is one of this recipient too."""
    return suppression.reason is SuppressionReason.OPERATOR or not is_team(recipient_key)


def covering_values(recipient_key: str, organisation_id: UUID | None = None) -> list[str]:
    """What a suppression of this address can be filed under, the narrowest first.

    The address, its domain, and every domain above; its organisation; and whoever it is. Who asked us not to write gets
    no test either; none is ever filed under the key of a test.
    """
    labels = domain_of(recipient_key).split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels)))
    organisations = [of_organisation(organisation_id)] if organisation_id else []
    return [address_of(recipient_key), *domains, *organisations, ANYBODY]


def domain_of(recipient_key: str) -> str:
    """The domain of an address."""
    return recipient_key.rpartition("@")[2]
