"""The life of mails: the model of the notifier. Who may be written to, what was tried, and what partners were told."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts import address_of, is_team
from libs.common.vocabulary import IncidentState, Outcome, Severity
from services.notifier.domain.brakes.holds import HoldKind
from services.notifier.domain.copies import with_copies
from services.notifier.domain.notification import BrakeScope, Command, State
from services.notifier.domain.planning import REMINDERS, SuppressionReason
from tests.integration.models.mail import (
    CONTACTS,
    GOING_ON_WINDOW,
    LEASE,
    OBEYS,
    OPEN,
    REPEAT_INTERVAL,
    TARGETS_PER_MAIL,
    WAITING,
    WINDOW,
    Attempt,
    Mail,
    Reply,
    Result,
    contact_of,
    continues,
    outcomes_of,
    was_said,
)
from tests.integration.models.wrong import MailsThatMayBeWrong

DEAD = frozenset({"undeliverable", "bounced"})
"""Why nobody is written to at an address, though its owner can be told elsewhere."""


class Mails(MailsThatMayBeWrong):
    """All of them, and what is ordered about them."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, IncidentState] = {}
        self.silent: dict[str, str] = {}
        """Why an address or a domain is not written to."""
        self.brakes: set[tuple[BrakeScope, str]] = set()
        self.holds: set[tuple[HoldKind, BrakeScope, str]] = set()
        self._fixed: set[UUID] = set()
        self._carried: dict[UUID, Mail] = {}

    def plan(self, batch: Sequence[Target], *, now: datetime) -> list[tuple[UUID, str]]:
        """What is answered at once: each target of the batch that is suppressed, and why."""
        with_all = (each for target in batch for each in with_copies(target))
        fresh = {target.target_id: target for target in with_all if not self._knows(target)}
        refusals = {target_id: self._refusal(target, now) for target_id, target in fresh.items()}
        self._join_all([target for target_id, target in fresh.items() if not refusals[target_id]], now)
        self.refused |= {target_id: reason for target_id, reason in refusals.items() if reason}
        return [
            (target.target_id, self.refused[target.target_id])
            for target in batch
            if target.target_id in self.refused and not was_said(target)
        ]

    def _knows(self, target: Target) -> bool:
        return target.target_id in self.refused or target.target_id in self._carried

    def _refusal(self, target: Target, now: datetime) -> str:
        """Why a target is not mailed; empty for one that may be."""
        if self.withdrawals_of(target):
            return "withdrawn"
        if self.incidents[target.incident] is IncidentState.CLOSED:
            return "incident-closed"
        silence = self.silence_of(target.recipient.key)
        goes_on = silence in DEAD and contact_of(target) < CONTACTS
        return silence if silence and not goes_on else self._repeat_of(target, now)

    def silence_of(self, recipient: str) -> str:
        """Why nobody writes there: the narrowest reason; empty if somebody may. A person alone silences a team."""
        address = address_of(recipient)
        labels = address.partition("@")[2].split(".")
        domains = [".".join(labels[first:]) for first in range(len(labels))]
        reasons = [self.silent[value] for value in (address, *domains) if value in self.silent]
        return next((each for each in reasons if _reaches_team(each) or not is_team(recipient)), "")

    def _repeat_of(self, target: Target, now: datetime) -> str:
        """Why its recipient is not told of it again; empty where it is news, or time to remind."""
        told = self._told(target)
        if target.copy_of is None and all(each.copy_of is not None for _, each in told):
            return ""  # who has copies alone believes that somebody else is warned
        if not told or _urgency(target) < min(_urgency(each) for _, each in told):
            return ""
        mails = {mail.id: mail for mail, _ in told}.values()
        last = max(mail.queued_at or mail.created_at for mail in mails)
        pause = REPEAT_INTERVAL * 2 ** (len(mails) - 1)
        if now - last < pause or not all(mail.is_told for mail in mails):
            return "interval"
        return "reminded" if len(mails) > REMINDERS[target.severity] else ""

    def _told(self, target: Target) -> list[tuple[Mail, Target]]:
        """What its recipient hears or has heard of its threat, and which of its targets told that."""
        return [
            (mail, each)
            for mail in self.all
            if mail.recipient == target.recipient.key
            and mail.corrects is None
            and mail.state not in {State.FAILED, State.CANCELLED, State.REHEARSED, State.BOUNCED}
            for each in mail.carried
            if each.threat_id == target.threat_id
            and each.target_id not in self._fixed
            and not self.is_corrected(mail, each)
        ]

    def _join_all(self, targets: Sequence[Target], now: datetime) -> None:
        """What tells of the same threat goes into one mail, as far as there is room, and else what goes on from one."""
        own: dict[tuple[str, str, UUID | None], list[Target]] = defaultdict(list)
        guests: dict[tuple[str, str, UUID | None], list[Target]] = defaultdict(list)
        homes: dict[tuple[str, str, UUID], tuple[str, str, UUID | None]] = {}
        for target in targets:
            recipient, incident = target.recipient.key, target.incident
            key, about = (recipient, incident, continues(target)), (recipient, incident, target.threat_id)
            told = [mail for mail, _ in self._told(target) if mail.state is State.PLANNED and mail.incident == incident]
            is_acting = target.copy_of is None and all(each.copy_of is not None for _, each in self._told(target))
            home = homes.get(about, key)
            if told and not is_acting:
                home = (recipient, incident, told[0].continues)
            if home != key and len(guests[home]) < self._room(home):
                guests[home].append(target)
            else:
                homes.setdefault(about, key)
                own[key].append(target)
        for key in {**own, **guests}:
            first = [] if self._open(key) else own[key][:1]
            self._join(key, [*first, *guests[key], *own[key][len(first) :]], now)

    def _open(self, key: tuple[str, str, UUID | None]) -> Mail | None:
        recipient, incident, continued = key
        return next(
            (
                each
                for each in self.of(recipient, incident)
                if each.state is State.PLANNED and each.continues == continued
            ),
            None,
        )

    def _room(self, key: tuple[str, str, UUID | None]) -> int:
        """For guests: the first one of a new mail is none."""
        mail = self._open(key)
        return TARGETS_PER_MAIL - (len(mail.targets) if mail else 1)

    def _join(self, key: tuple[str, str, UUID | None], targets: Sequence[Target], now: datetime) -> None:
        """All go into the open mail of their recipient and incident, which is closed when it is full or due."""
        recipient, incident, continued = key
        while targets:
            mail = self._open(key)
            if mail is None:
                mail = Mail(recipient, incident, created_at=now, due_at=now + WINDOW, continues=continued)
                mail.is_settled = True
                self.all.append(mail)
            room = TARGETS_PER_MAIL - len(mail.targets)
            part, targets = targets[:room], targets[room:]
            mail.targets += part
            mail.weigh()
            mail.is_settled = all(map(was_said, mail.targets))
            mail.contact = max(map(contact_of, mail.targets))
            self._carried.update((target.target_id, mail) for target in part)
            mail.due_at = min(mail.due_at, *(now + _window(target) for target in part))
            is_due = mail.due_at <= now and self.incidents[incident] is IncidentState.APPROVED
            if len(mail.targets) >= TARGETS_PER_MAIL or is_due:
                mail.close(now)

    def of(self, recipient: str, incident: str) -> list[Mail]:
        """The warnings."""
        return [
            mail
            for mail in self.all
            if mail.corrects is None and (mail.recipient, mail.incident) == (recipient, incident)
        ]

    def close_due(self, *, now: datetime) -> None:
        self.withdraw_closed()
        for mail in self.due_to_close(now):
            mail.close(now)

    def due_to_close(self, now: datetime) -> list[Mail]:
        return [
            mail for mail in self.all if mail.state is State.PLANNED and mail.due_at <= now and self._may_close(mail)
        ]

    def _may_close(self, mail: Mail) -> bool:
        """A correction does not overtake what it corrects."""
        if mail.corrects is not None:
            return mail.corrects.is_settled or mail.corrects.state is State.BOUNCED
        return self.incidents[mail.incident] is IncidentState.APPROVED

    def to_withdraw(self) -> list[Mail]:
        return [
            mail
            for mail in self.all
            if mail.corrects is None and mail.state in OPEN and self.incidents[mail.incident] is IncidentState.CLOSED
        ]

    def withdraw_closed(self) -> None:
        self._cancel(self.to_withdraw())

    def silence(self, value: str, reason: str) -> None:
        """What is silent already stays so for its first reason."""
        reason = self.silent.setdefault(value, reason)
        reached = [mail for mail in self.all if _reaches_team(reason) or not mail.is_teams]
        self._end([mail for mail in reached if mail.address == value or mail.is_below(value)], reason)

    def fix(self, threat_id: UUID) -> None:
        for mail in self.all:
            self._fixed.update(target.target_id for target in mail.targets if target.threat_id == threat_id)

    def _end(self, mails: Iterable[Mail], reason: str) -> None:
        """What waits for a dead address goes on to the next contact, and all else is cancelled."""
        for mail in mails:
            if mail.state in OPEN and mail.corrects is None and reason in DEAD and mail.contact < CONTACTS:
                mail.state, mail.next_at = State.BOUNCED, None
                self._ask_on(mail)
            else:
                self._cancel([mail])

    def _ask_on(self, mail: Mail) -> None:
        """Who else can be told: a question for each target."""
        self.said.update((target.target_id, "unreachable") for target in mail.carried)

    def _cancel(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            if mail.state in OPEN:
                mail.state, mail.next_at = State.CANCELLED, None
                self._settle(mail, Outcome.SUPPRESSED)

    def _settle(self, mail: Mail, outcome: Outcome) -> None:
        """The word to the partners, once."""
        if not mail.is_settled:
            mail.is_settled = True
            self.said.update(outcomes_of(mail.targets, outcome))

    def lost(self, *, now: datetime, but: Collection[UUID]) -> list[Mail]:
        """Those whose sender has said nothing within its lease, but for those that whoever asks has itself."""
        return [
            mail
            for mail in self.all
            if mail.state is State.SENDING
            and mail.lease_until is not None
            and mail.lease_until < now
            and mail.id not in but
        ]

    def doubt(self, mails: Iterable[Mail], *, now: datetime) -> None:
        """Each goes out once more, or fails if it was in doubt before."""
        for mail in mails:
            self._lose(mail, next_at=now)

    def _lose(self, mail: Mail, *, next_at: datetime | None) -> None:
        mail.results[mail.tries] = Result.FAILED if mail.doubts else Result.LOST
        if mail.doubts:
            mail.state, mail.next_at = State.FAILED, None
            self._settle(mail, Outcome.FAILED)
        else:
            mail.state, mail.next_at, mail.doubts = State.IN_DOUBT, next_at, 1

    def due(self, *, now: datetime) -> list[Mail]:
        """What may be claimed as far as its time, its incident and the brakes go; the most urgent first."""
        found = [
            mail
            for mail in self.all
            if mail.state in WAITING
            and mail.next_at is not None
            and mail.next_at <= now
            and (mail.corrects is not None or self.incidents[mail.incident] is IncidentState.APPROVED)
            and not self._is_braked(mail)
            and not self.is_kept_back(mail)
        ]
        return sorted(found, key=lambda mail: mail.rank)

    def _is_braked(self, mail: Mail) -> bool:
        return any(_reaches(scope, value, mail) for scope, value in self.brakes)

    def is_kept_back(self, mail: Mail) -> bool:
        """Whether it waits for a person who looks at its incident or its partner."""
        return mail.corrects is None and any(_keeps_back(held, mail) for held in self.holds)

    def cancel_kept_back(self, held: tuple[HoldKind, BrakeScope, str]) -> None:
        """What a person takes back of it: nothing that is in doubt."""
        behind = [mail for mail in self.all if mail.corrects is None and _keeps_back(held, mail)]
        self._cancel(mail for mail in behind if mail.state in OBEYS[Command.CANCEL])

    def claim(self, mails: Iterable[Mail], *, now: datetime) -> list[Attempt]:
        """Take these, which are due. One whose recipient has become silent, or that is all wrong, is cancelled."""
        attempts = []
        for mail in mails:
            if silence := self.silence_of(mail.recipient):
                self._end([mail], silence)
                continue
            self.take_out(mail)
            if mail.state is State.CANCELLED:
                continue
            mail.state, mail.lease_until, mail.tries = State.SENDING, now + LEASE, mail.tries + 1
            attempts.append(Attempt(mail, mail.tries, now, is_marked=mail.doubts > 0))
        return attempts

    def answer(self, answers: Sequence[tuple[Attempt, Reply]], *, now: datetime) -> None:
        """What became of attempts. One that comes after the mail has changed hands, or has ended, changes nothing."""
        dead = [attempt.mail.recipient for attempt, reply in answers if self._answer(attempt, reply, now)]
        for recipient in dead:
            self.silence(recipient, "undeliverable")

    def _answer(self, attempt: Attempt, reply: Reply, now: datetime) -> bool:
        """Whether the address turned out to be dead."""
        mail = attempt.mail
        if not attempt.counts:
            return False
        if mail.state is State.IN_DOUBT:
            mail.doubts -= 1
        mail.lease_until = None
        mail.results[attempt.number] = reply.result
        match reply.result:
            case Result.SENT:
                mail.state, mail.next_at = State.SENT, None
                self._tell_feedback(mail)
                self._settle(mail, Outcome.OUT_OF_SCOPE if mail.is_teams else Outcome.NOTIFIED)
            case Result.REHEARSED:
                mail.state, mail.next_at = State.SENT if mail.is_told else State.REHEARSED, None
                self._settle(mail, Outcome.SUPPRESSED)
            case Result.DEFERRED:
                mail.state, mail.next_at = State.DEFERRED, reply.next_at
            case Result.DEAD if mail.corrects is None and not mail.is_teams and mail.contact < CONTACTS:
                mail.state, mail.next_at = State.BOUNCED, None
                self._ask_on(mail)
            case Result.FAILED | Result.DEAD:
                mail.state, mail.next_at = State.FAILED, None
                self._settle(mail, Outcome.FAILED)
            case Result.LOST:
                self._lose(mail, next_at=reply.next_at)
            case Result.RELEASED:
                mail.state, mail.next_at, mail.tries = State.QUEUED, now, mail.tries - 1
                del mail.results[attempt.number]
            case _:
                assert_never(reply.result)
        return reply.result is Result.DEAD and not mail.is_teams

    def give_up(self, mail: Mail) -> None:
        """Nobody else can be told what it did not bring: that is the outcome, if none was said."""
        if mail.state is State.BOUNCED and not mail.is_settled and not mail.is_given_up and not mail.has_gone_on:
            mail.is_given_up = mail.is_settled = True
            self.said.update(outcomes_of(mail.targets, Outcome.FAILED))

    def _tell_feedback(self, mail: Mail) -> None:
        if not mail.is_told:
            mail.is_told = True
            self.said[min(target.target_id for target in mail.carried), "notification-sent"] += 1

    def command(self, mail: Mail, command: Command, *, now: datetime) -> bool:
        """Whether it can be done now."""
        goes_on = mail.state is State.BOUNCED and not mail.is_settled
        is_in_vain = command is Command.RESEND and self.silence_of(mail.recipient)
        if mail.state not in OBEYS[command] or goes_on or is_in_vain:
            return False
        if command is Command.CANCEL:
            self._cancel([mail])
            return True
        mail.resends += command is Command.RESEND
        mail.doubts = 0
        mail.queue(now)
        return True


def _window(target: Target) -> timedelta:
    if target.continued is not None:
        return GOING_ON_WINDOW
    return timedelta(0) if target.severity is Severity.CRITICAL else WINDOW


def _reaches_team(reason: str) -> bool:
    return reason == SuppressionReason.OPERATOR


def _keeps_back(held: tuple[HoldKind, BrakeScope, str], mail: Mail) -> bool:
    kind, scope, value = held
    return _reaches(scope, value, mail) and not (kind is HoldKind.FIRST_WAVE and mail.is_sample)


def _reaches(scope: BrakeScope, value: str, mail: Mail) -> bool:
    """Whether such a brake holds this mail."""
    match scope:
        case BrakeScope.ALL:
            return True
        case BrakeScope.INCIDENT:
            return value == mail.incident
        case BrakeScope.PARTNER:
            return any(target.partner == value for target in mail.carried)
        case BrakeScope.DOMAIN:
            return mail.is_below(value)
        case _:
            assert_never(scope)


def _urgency(target: Target) -> int:
    return list(Severity).index(target.severity)
