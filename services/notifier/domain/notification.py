"""A notification, the states of its life, and the incident and brakes that govern it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.contracts import IncidentChanged, Recipient
from libs.common.contracts import TargetAttributed as Target
from libs.common.vocabulary import NotificationKind, Severity
from services.notifier.domain.amount.repeats import Reminder

URGENCY = tuple(Severity)
"""Worst first: the position in this order is what the sender sorts by."""


MOST_CONTACTS = 3
"""A threat is sent to so many contacts at most, one after the other, until one can be reached."""


class State(StrEnum):
    """Where a notification stands. While it is `planned`, more targets of its recipient and incident join it.

    It is `rehearsed` when all but the mail itself was done, in a dry run: nothing has left.
    """

    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting-approval"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    REHEARSED = "rehearsed"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_DOUBT = "in-doubt"


class Command(StrEnum):
    """What an approver can tell a notification to do."""

    APPROVE = "approve"
    CANCEL = "cancel"
    RESEND = "resend"


AFTER: dict[State, dict[Command, State]] = {
    State.PLANNED: {Command.CANCEL: State.CANCELLED},
    State.AWAITING_APPROVAL: {Command.APPROVE: State.QUEUED, Command.CANCEL: State.CANCELLED},
    State.QUEUED: {Command.CANCEL: State.CANCELLED},
    State.DEFERRED: {Command.CANCEL: State.CANCELLED, Command.RESEND: State.QUEUED},
    State.SENT: {Command.RESEND: State.QUEUED},
    State.REHEARSED: {Command.RESEND: State.QUEUED},
    State.BOUNCED: {Command.RESEND: State.QUEUED},
    State.FAILED: {Command.RESEND: State.QUEUED},
}
"""What each command leads to; a command that is not named here is refused. A mail under way can't be called back."""


def after_command(state: State, command: Command) -> State | None:
    """The state that a command leads to, or None when the notification can't follow it now."""
    return AFTER.get(state, {}).get(command)


class BrakeScope(StrEnum):
    """How far a brake reaches. `domain` is that of the recipient's address, with its subdomains."""

    ALL = "all"
    INCIDENT = "incident"
    PARTNER = "partner"
    DOMAIN = "domain"


class Brake(msgspec.Struct, frozen=True, kw_only=True):
    """An order to stop sending. `value` names the incident, partner or domain; it is empty for `all`."""

    scope: BrakeScope
    value: str
    engaged: bool
    reason: str
    changed_at: datetime
    changed_by: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One mail to one recipient about one incident. `tries` counts answers of the relay, `doubts` the lost answers.

    `settled` is set once the targets' outcome has been said: an outcome is said once, whatever a person does later. A
    correction has none to say; `corrects` is the notification that was wrong, in part or as a whole. One that
    `continues` another goes, under the same reference, to the next `contact` of whom that one could not reach. Whether
    it `is_first_to_recipient` is decided when it is planned, and once more when it is first taken up.
    What it waits for is its `wait`, until `due_at` while it is planned, then until `next_attempt_at`; `let_go_at` is
    when nothing but a server could hold it up any more. One that tells of nothing new has a `reminder`.
    `is_sample`: it goes with the first wave of its incident. `gone_on_at`: when another contact was last asked for.
    """

    id: UUID
    reference: str
    recipient: Recipient
    incident: str
    severity: Severity
    confidence: float
    state: State
    reason: str
    note: str
    partners: tuple[str, ...]
    targets_total: int
    created_at: datetime
    due_at: datetime
    queued_at: datetime | None
    next_attempt_at: datetime | None
    sent_at: datetime | None
    subject: str | None
    tries: int
    doubts: int
    settled: bool
    decided_by: str | None
    decided_at: datetime | None
    kind: NotificationKind = NotificationKind.WARNING
    corrects: UUID | None = None
    continues: UUID | None = None
    contact: int = 1
    is_first_to_recipient: bool = False
    wait: str = ""
    let_go_at: datetime | None = None
    mail_id: UUID | None = None
    reminder: Reminder | None = None
    is_sample: bool = False
    gone_on_at: datetime | None = None

    @property
    def is_test(self) -> bool:
        """Whether a partner gets it that only tries something out."""
        return self.recipient.test_of is not None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to hand a mail to the relay: written down before, answered after. No `result` means under way or lost."""

    number: int
    started_at: datetime
    ended_at: datetime | None = None
    result: str | None = None
    smtp_code: int | None = None
    detail: str = ""


class Consignment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one mail is made of.

    Of a correction also the notification that it corrects, and whether that one said things that still hold; of a
    reminder the one that it reminds of. `companions` are other notifications that go in the same mail.
    """

    notification: Notification
    incident: IncidentChanged
    targets: tuple[Target, ...]
    original: Notification | None = None
    rest_holds: bool = False
    companions: tuple["Consignment", ...] = ()

    @property
    def parts(self) -> Sequence["Consignment"]:
        """One for each notification that goes in this mail."""
        return (msgspec.structs.replace(self, companions=()), *self.companions)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is narrowed to; None means any."""

    state: State | None = None
    recipient: str | None = None
    incident: str | None = None
    is_test: bool | None = None
    kind: NotificationKind | None = None
