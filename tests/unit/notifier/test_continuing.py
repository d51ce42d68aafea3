"""When a person can have another contact asked for: a table of cases."""

from datetime import timedelta

import msgspec
import pytest

from libs.common.vocabulary import NotificationKind, RecipientKind
from services.notifier.domain.continuing import Sought, Why, to_ask_again
from services.notifier.domain.notification import Notification, State
from services.notifier.domain.replies import NOT_ENCRYPTED
from services.notifier.domain.timeline import timeline_of
from tests.unit.notifier.builders import NOW, notification, recipient, target, trying_partner


def mail(state: State = State.BOUNCED, **changes: object) -> Notification:
    about = msgspec.structs.replace(notification(settled=True), state=state, gone_on_at=NOW)
    return msgspec.structs.replace(about, **changes)


ASKING = Sought(target=target())
NOBODY = Sought(target=target(), exhausted_at=NOW)
GONE_ON = Sought(target=target(), has_gone_on=True)
TEAM = recipient(kind=RecipientKind.NATIONAL_CERT)

CASES = [
    ("nobody was left", mail(), [NOBODY], 1),
    ("nobody was left for one, and the other went on", mail(), [NOBODY, GONE_ON], 1),
    ("nobody was left, and nothing has been said of the rest", mail(settled=False), [NOBODY, GONE_ON], 1),
    ("the third contact was refused", mail(State.FAILED, reason="dead-address"), [ASKING], 1),
    ("it was refused for policy", mail(State.FAILED, reason="policy", gone_on_at=None), [ASKING], 1),
    ("it came back for policy: nobody else was asked for", mail(reason="policy", gone_on_at=None), [ASKING], 1),
    ("it was given up after days", mail(State.FAILED, reason="expired", gone_on_at=None), [ASKING, ASKING], 2),
    ("it waited for the third contact, which was dead", mail(State.CANCELLED, reason="undeliverable"), [ASKING], 1),
    ("it bounced, and somebody else is asked for", mail(), [ASKING], Why.BEING_ASKED),
    ("it was refused, and somebody else is asked for", mail(settled=False), [ASKING], Why.BEING_ASKED),
    ("one of two is asked for", mail(), [NOBODY, ASKING], Why.BEING_ASKED),
    ("a person has asked, and waits", mail(), [msgspec.structs.replace(ASKING, asked_again=1)], Why.BEING_ASKED),
    ("all went on", mail(), [GONE_ON, GONE_ON], Why.GONE_ON),
    ("the third contact failed, and a person went on", mail(State.BOUNCED), [GONE_ON], Why.GONE_ON),
    ("nothing is left in it", mail(), [], Why.GONE_ON),
    ("it has arrived", mail(State.SENT), [ASKING], Why.ARRIVED),
    ("it waits", mail(State.QUEUED), [ASKING], Why.ARRIVED),
    ("it is under way", mail(State.SENDING), [ASKING], Why.ARRIVED),
    ("it is in doubt", mail(State.IN_DOUBT), [ASKING], Why.ARRIVED),
    ("a person has cancelled it", mail(State.CANCELLED, reason="cancelled"), [ASKING], Why.ARRIVED),
    ("its recipient wanted none", mail(State.CANCELLED, reason="opt-out"), [ASKING], Why.ARRIVED),
    ("it may leave encrypted only", mail(State.FAILED, reason=NOT_ENCRYPTED), [ASKING], Why.ENCRYPTED_ONLY),
    ("it corrects", mail(kind=NotificationKind.CORRECTION), [NOBODY], Why.NOT_OURS),
    ("a partner tries it out", mail(recipient=trying_partner()), [NOBODY], Why.NOT_OURS),
    ("it was handed over to a team", mail(recipient=TEAM), [NOBODY], Why.NOT_OURS),
]


@pytest.mark.parametrize(("about", "sought", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_case_of_asking_again(about: Notification, sought: list[Sought], expected: int | Why) -> None:
    decided = to_ask_again(about, sought, is_closed=False, is_gathering=False)

    assert (decided if isinstance(decided, Why) else len(decided)) == expected
    assert isinstance(decided, Why) or not any(each.has_gone_on for each in decided)


def test_nobody_is_asked_for_while_its_incident_is_closed_or_its_next_mail_is_gathered() -> None:
    assert to_ask_again(mail(), [NOBODY], is_closed=True, is_gathering=False) is Why.CLOSED
    assert to_ask_again(mail(), [NOBODY, GONE_ON], is_closed=False, is_gathering=True) is Why.GATHERING


def test_the_timeline_says_that_it_was_passed_on_who_asked_again_and_that_nobody_is_left() -> None:
    passed_on = mail(reason="undeliverable", queued_at=None)
    sought = [
        msgspec.structs.replace(NOBODY, exhausted_at=NOW + timedelta(hours=2)),
        Sought(target=target(), asked_again=1, asked_again_at=NOW + timedelta(hours=1)),
    ]

    found = timeline_of(passed_on, attempts=(), returns=(), followers=(), sought=sought)

    assert [each.what for each in found] == ["planned", "passed-on", "asked-again", "exhausted"]
    assert found[-1].detail == "nobody else is known for 1 of 2"
    assert "refused" in found[1].detail
