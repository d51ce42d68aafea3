"""Answers: what a recipient tells us about their own notification."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import FeedbackReceived, is_team
from libs.common.ids import derived_id
from libs.common.text import plain
from libs.common.vocabulary import FeedbackKind, NotificationKind
from services.feedback.domain.notification import Notification
from services.feedback.domain.rating import TEXT_CHARACTERS, Incomplete

CHOICES = (FeedbackKind.FIXED, FeedbackKind.NOT_OURS, FeedbackKind.FALSE_POSITIVE, FeedbackKind.QUESTION)
"""What the page offers side by side. Opting out stands apart, where nobody presses it by mistake."""

CHOICES_OF_CORRECTION = (FeedbackKind.QUESTION,)
"""There is nothing to fix, and nothing left to deny: of what the correction is about, we have said so ourselves."""

WANTS_WORDS = frozenset({FeedbackKind.FALSE_POSITIVE, FeedbackKind.QUESTION})
"""A false positive closes a threat, so somebody has to be able to weigh why; a question is its words."""


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """The recipient's page as it was filled in. `threats`: the ticked ones; none ticked means all."""

    kind: str = ""
    threats: tuple[str, ...] = ()
    text: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a recipient told us, about which threats of the notification."""

    notification_id: UUID
    kind: FeedbackKind
    incident: str
    answered_at: datetime
    text: str
    threat_ids: tuple[UUID, ...]

    @property
    def feedback_id(self) -> UUID:
        """The same kind about the same threats is the same answer, however often it is sent; a new question is new."""
        words = self.text if self.kind is FeedbackKind.QUESTION else ""
        return derived_id("answer", self.notification_id, self.kind, *sorted(self.threat_ids), words)


def answer(notification: Notification, form: AnswerForm, *, now: datetime) -> Answer | Incomplete:
    """Read an answer. What is ticked but not of this notification does not count."""
    kind = next((kind for kind in _taken_from(notification) if kind.value == form.kind), None)
    text = plain(form.text, TEXT_CHARACTERS, lines=True)
    if kind is None:
        return Incomplete(("kind",))
    if kind is FeedbackKind.OPT_OUT:
        return opt_out(notification, now=now)
    if kind in WANTS_WORDS and not text:
        return Incomplete(("text",))
    return Answer(
        notification_id=notification.notification_id,
        kind=kind,
        incident=notification.incident,
        answered_at=now,
        text=text,
        threat_ids=_chosen(notification, form),
    )


def choices_of(notification: Notification) -> tuple[FeedbackKind, ...]:
    """What the recipient of this mail can tell us on their page, beside that they want no more."""
    return CHOICES_OF_CORRECTION if notification.kind is NotificationKind.CORRECTION else CHOICES


def can_opt_out(notification: Notification) -> bool:
    """A team can't, here: what is handed over to it would end up nowhere. It agrees that with a person."""
    return not is_team(notification.recipient_key)


def _taken_from(notification: Notification) -> tuple[FeedbackKind, ...]:
    stopping = (FeedbackKind.OPT_OUT,) if can_opt_out(notification) else ()
    return (*choices_of(notification), *stopping)


def opt_out(notification: Notification, *, now: datetime) -> Answer:
    """Stop writing to this recipient, whatever the mail was about."""
    return Answer(
        notification_id=notification.notification_id,
        kind=FeedbackKind.OPT_OUT,
        incident=notification.incident,
        answered_at=now,
        text="",
        threat_ids=tuple(notification.assets_by_threat),
    )


def simulated_complaint(notification: Notification, *, now: datetime) -> Answer:
    """What an address of the simulator answers: who calls our mail spam gets no more of it."""
    return msgspec.structs.replace(opt_out(notification, now=now), text="simulated: a complaint about the mail")


def event_of_answer(answer: Answer, notification: Notification) -> FeedbackReceived:
    """The event, in the trace of the mail that it answers."""
    return FeedbackReceived(
        feedback_id=answer.feedback_id,
        kind=answer.kind,
        incident=answer.incident,
        at=answer.answered_at,
        text=answer.text,
        notification_id=answer.notification_id,
        recipient_key=notification.recipient_key,
        threat_ids=answer.threat_ids,
        traceparent=notification.traceparent,
    )


def _chosen(notification: Notification, form: AnswerForm) -> tuple[UUID, ...]:
    ticked = set(form.threats)
    threats = tuple(notification.assets_by_threat)
    return tuple(threat_id for threat_id in threats if str(threat_id) in ticked) or threats
