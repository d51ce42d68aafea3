"""The life of a notification: what people may order, and what each result makes of it."""

from datetime import timedelta

import pytest

from libs.common.contracts import IndicatorSettled, NotificationSent
from libs.common.vocabulary import Outcome
from services.notifier.domain.notification import Command, State, after_command
from services.notifier.domain.outcome import change_of, events_of, nameless
from services.notifier.domain.replies import Deferred, Failed, InDoubt, Released, Result, Sent
from tests.unit.notifier.builders import NOW, consignment, notification, target

LATER = NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("state", "command", "after"),
    [
        (State.PLANNED, Command.CANCEL, State.CANCELLED),
        (State.AWAITING_APPROVAL, Command.APPROVE, State.QUEUED),
        (State.AWAITING_APPROVAL, Command.CANCEL, State.CANCELLED),
        (State.QUEUED, Command.CANCEL, State.CANCELLED),
        (State.DEFERRED, Command.CANCEL, State.CANCELLED),
        (State.DEFERRED, Command.RESEND, State.QUEUED),
        (State.SENT, Command.RESEND, State.QUEUED),
        (State.FAILED, Command.RESEND, State.QUEUED),
    ],
)
def test_a_command_leads_to_its_state(state: State, command: Command, after: State) -> None:
    assert after_command(state, command) is after


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (State.PLANNED, Command.APPROVE),
        (State.SENDING, Command.CANCEL),
        (State.SENDING, Command.RESEND),
        (State.SENT, Command.CANCEL),
        (State.SENT, Command.APPROVE),
        (State.CANCELLED, Command.RESEND),
        (State.IN_DOUBT, Command.RESEND),
        (State.QUEUED, Command.APPROVE),
    ],
)
def test_a_command_that_comes_too_late_or_too_early_is_refused(state: State, command: Command) -> None:
    assert after_command(state, command) is None


@pytest.mark.parametrize(
    ("result", "state", "settled"),
    [
        (Sent(250, "Ok"), State.SENT, True),
        (Deferred(451, "later", LATER), State.DEFERRED, False),
        (Failed("policy", "5.7.1 no", 550), State.FAILED, True),
        (InDoubt("cut off", LATER), State.IN_DOUBT, False),
        (Released("the relay is away"), State.QUEUED, False),
    ],
)
def test_each_result_has_its_state(result: Result, state: State, settled: bool) -> None:
    change = change_of(consignment(), result, subject="s", now=NOW)

    assert change.state is state
    assert change.settled is settled


def test_what_was_never_tried_leaves_no_attempt() -> None:
    assert change_of(consignment(), Released("away"), subject=None, now=NOW).result is None


def test_a_sent_mail_is_told_to_feedback_and_to_every_partner() -> None:
    mail = consignment(target(), target())

    events = events_of(mail, Sent(250, "Ok"), subject="Beveiligingsmelding", now=NOW)

    [sent, *settled] = events
    assert isinstance(sent, NotificationSent)
    assert [told.target_id for told in sent.targets] == [carried.target_id for carried in mail.targets]
    assert [event.reason for event in settled if isinstance(event, IndicatorSettled)] == 2 * [
        mail.notification.reference
    ]


def test_an_outcome_is_said_once_whatever_a_person_sends_again() -> None:
    again = consignment(about=notification(settled=True, sent_at=NOW))

    assert list(events_of(again, Sent(250, "Ok"), subject="s", now=NOW)) == []
    assert list(events_of(again, Failed("policy", "no"), subject="s", now=NOW)) == []


def test_a_failed_mail_that_a_person_sends_again_reaches_feedback_but_keeps_its_outcome() -> None:
    again = consignment(about=notification(settled=True))

    assert [type(event) for event in events_of(again, Sent(250, "Ok"), subject="s", now=NOW)] == [NotificationSent]


def test_a_failure_is_told_without_the_address_in_the_relays_words() -> None:
    refusal = Failed("policy", "5.7.1 <info@jansen.example>: Recipient address rejected", 550)

    [event] = events_of(consignment(), refusal, subject="s", now=NOW)

    assert isinstance(event, IndicatorSettled)
    assert event.outcome is Outcome.FAILED
    assert event.message == "550 5.7.1 <[recipient]>: Recipient address rejected"


def test_no_address_is_left_in_a_message_however_it_is_written() -> None:
    assert "@" not in nameless("to=info@jansen.example, 'a.b+c@d.example'; (x@y.example)")


def test_deferred_and_doubtful_mails_say_nothing_yet() -> None:
    for result in (Deferred(451, "later", LATER), InDoubt("cut off", LATER), Released("away")):
        assert list(events_of(consignment(), result, subject="s", now=NOW)) == []
