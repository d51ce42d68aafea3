"""One mail: its states, what was tried of it, and what came of that. The values of the model in `mails.py`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.contracts import TargetAttributed as Target
from libs.common.contracts import address_of, is_team
from libs.common.vocabulary import Outcome, Severity
from services.notifier.domain.notification import Command, State

WINDOW = timedelta(minutes=5)
"""How long a target waits for others, unless it is critical."""

GOING_ON_WINDOW = timedelta(seconds=30)
"""How long one waits that goes on to another contact, critical or not."""

REPEAT_INTERVAL = timedelta(days=14)
LEASE = timedelta(minutes=4)
CONNECTIONS = 3
CONTACTS = 3
"""So many are tried, one after the other."""

TARGETS_PER_MAIL = 3
APPROVAL_CONFIDENCE = 0.3

WAITING = frozenset({State.QUEUED, State.DEFERRED, State.IN_DOUBT})
OPEN = WAITING | {State.PLANNED, State.AWAITING_APPROVAL}
"""What has not gone out, and is not under way."""

UNSENT = OPEN - {State.IN_DOUBT}
"""What nobody has in hand, and of which no answer is lost."""

ENDS = frozenset({State.SENT, State.REHEARSED, State.FAILED, State.CANCELLED, State.BOUNCED})

OBEYS = {
    Command.APPROVE: {State.AWAITING_APPROVAL},
    Command.CANCEL: {State.PLANNED, State.AWAITING_APPROVAL, State.QUEUED, State.DEFERRED},
    Command.RESEND: {State.DEFERRED, State.SENT, State.REHEARSED, State.FAILED, State.BOUNCED},
}
"""In which states a mail does what a person orders. One that has bounced, once its outcome is said."""

UNKNOWN = UUID(int=0)
"""The id of a mail that has not been looked at yet."""

Word = tuple[UUID, str]
"""Of an indicator, its outcome; of a notification, that it was sent; of a target, that somebody else is asked for."""


def outcomes_of(targets: Iterable[Target], outcome: Outcome) -> list[Word]:
    """The word to the partners about these targets. A copy has no outcome: the organisation's is the record's.

    What was said before one went on to another contact is not said again.
    """
    return [
        (target.indicator_id, outcome.value) for target in targets if target.copy_of is None and not was_said(target)
    ]


def was_said(target: Target) -> bool:
    return target.continued is not None and target.continued.is_settled


def contact_of(target: Target) -> int:
    """Which of its ladder's contacts it is to, from 1."""
    return 1 + (len(target.continued.failed) if target.continued else 0)


def continues(target: Target) -> UUID | None:
    """The notification that it goes on from."""
    return target.continued.notification_id if target.continued else None


@dataclass(slots=True, eq=False)
class Attempt:
    """A try to hand over a mail, as it was when it was claimed."""

    mail: "Mail"
    number: int
    began_at: datetime
    is_marked: bool
    is_taken: bool = False
    """Whether the relay has taken it."""
    expected: "Result | None" = None
    """What the relay is to make of it, once it was offered."""

    @property
    def counts(self) -> bool:
        """Whether its answer still changes anything: nobody else has taken the mail over."""
        return self.mail.state in {State.SENDING, State.IN_DOUBT} and self.mail.tries == self.number


class Result(StrEnum):
    """What became of an attempt. `LOST`: nobody knows; `RELEASED`: nothing was tried."""

    SENT = "sent"
    REHEARSED = "rehearsed"
    DEFERRED = "deferred"
    FAILED = "failed"
    DEAD = "dead"
    LOST = "lost"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Reply:
    """A result, and when to try again."""

    result: Result
    next_at: datetime | None


@dataclass(slots=True, eq=False)
class Mail:
    """A notification."""

    recipient: str
    incident: str
    created_at: datetime
    due_at: datetime
    targets: list[Target] = field(default_factory=list)
    state: State = State.PLANNED
    queued_at: datetime | None = None
    next_at: datetime | None = None
    lease_until: datetime | None = None
    tries: int = 0
    doubts: int = 0
    is_settled: bool = False
    continues: UUID | None = None
    """The notification that could not reach its recipient."""
    contact: int = 1
    has_gone_on: bool = False
    """Whether somebody else was named for what it could not deliver."""
    is_given_up: bool = False
    """Whether nobody else was left to tell, when it could not be delivered."""
    is_told: bool = False
    """Whether feedback was told that it was sent."""
    resends: int = 0
    is_sample: bool = False
    """Whether it goes with the first wave of its incident."""
    id: UUID = UNKNOWN
    urgency: int = 0
    results: dict[int, "Result"] = field(default_factory=dict)
    """What came of each attempt."""
    left_out: set[UUID] = field(default_factory=set)
    """Targets that were withdrawn after their outcome was said: in no further copy."""
    corrects: "Mail | None" = None
    takes_back: set[UUID] = field(default_factory=set)
    """Of a correction: the threats that its original was wrong about."""

    @property
    def carried(self) -> list[Target]:
        """What it tells of."""
        if self.corrects is not None:
            return [each for each in self.corrects.targets if each.threat_id in self.takes_back]
        return [each for each in self.targets if each.target_id not in self.left_out]

    @property
    def address(self) -> str:
        return address_of(self.recipient)

    @property
    def is_teams(self) -> bool:
        return is_team(self.recipient)

    @property
    def may_have_arrived(self) -> bool:
        return not {Result.SENT, Result.LOST}.isdisjoint(self.results.values())

    @property
    def was_never_to_go(self) -> bool:
        """Cancelled, or passed on without having been tried."""
        return self.state is State.CANCELLED or (self.state is State.BOUNCED and self.tries == 0)

    def weigh(self) -> None:
        self.urgency = min(list(Severity).index(target.severity) for target in self.carried)

    @property
    def rank(self) -> tuple[int, datetime | None]:
        """Its place in the order of sending: the most severe first, then whose time came first."""
        return self.urgency, self.next_at

    def is_below(self, domain: str) -> bool:
        """Whether its recipient is at this domain, or at one below it."""
        return f".{self.address.partition('@')[2]}".endswith(f".{domain}")

    @property
    def needs_approval(self) -> bool:
        return min(target.confidence for target in self.targets) < APPROVAL_CONFIDENCE

    def queue(self, now: datetime) -> None:
        self.state, self.queued_at, self.next_at = State.QUEUED, now, now

    def close(self, now: datetime) -> None:
        """No target can join any more."""
        if self.corrects is not None and not (self.carried and self.corrects.may_have_arrived):
            self.state = State.CANCELLED
        elif self.corrects is None and self.needs_approval:
            self.state = State.AWAITING_APPROVAL
        else:
            self.queue(now)
