"""What follows when a mail comes back: as a table; and what a notification's timeline says."""

from datetime import timedelta

import msgspec
import pytest

from libs.common.ids import derived_id
from libs.common.vocabulary import FeedbackKind, NotificationKind, Permanence, RecipientKind, ReturnKind, Trust
from services.notifier.domain.notification import MOST_CONTACTS, Attempt, Notification, State
from services.notifier.domain.planning import SuppressionReason
from services.notifier.domain.returns import NOTHING, SOFT_BOUNCES, Return, Verdict, verdict_on
from services.notifier.domain.timeline import Follower, timeline_of
from tests.unit.notifier.builders import NOW, notification, recipient, trying_partner

SENT = msgspec.structs.replace(notification(settled=True, sent_at=NOW), state=State.SENT)
IN_DOUBT = msgspec.structs.replace(notification(), state=State.IN_DOUBT)
BOUNCED = msgspec.structs.replace(SENT, state=State.BOUNCED)
CANCELLED = msgspec.structs.replace(SENT, state=State.CANCELLED)
LAST = msgspec.structs.replace(SENT, contact=MOST_CONTACTS)
LAST_IN_DOUBT = msgspec.structs.replace(IN_DOUBT, contact=MOST_CONTACTS)
CORRECTION = msgspec.structs.replace(SENT, kind=NotificationKind.CORRECTION)
HANDED_OVER = msgspec.structs.replace(
    SENT, recipient=msgspec.structs.replace(recipient(), kind=RecipientKind.NATIONAL_CERT)
)
TEST = msgspec.structs.replace(SENT, recipient=trying_partner())

HARD, FULL, SOFT, POLICY = Permanence.PERMANENT, Permanence.MAILBOX_FULL, Permanence.TEMPORARY, Permanence.POLICY
GOES_ON = Verdict(bounces=True, goes_on=True)
DEAD = Verdict(bounces=True, goes_on=True, suppresses=SuppressionReason.BOUNCED)
ENDS_DEAD = Verdict(bounces=True, suppresses=SuppressionReason.BOUNCED)
MARKED = Verdict(suppresses=SuppressionReason.BOUNCED)


def returned(
    *,
    kind: ReturnKind | FeedbackKind = ReturnKind.BOUNCE,
    trust: Trust = Trust.TOKEN,
    permanence: Permanence | None = None,
    address: str = "",
) -> Return:
    return Return(
        return_id=derived_id("return", "test"),
        notification_id=SENT.id,
        kind=kind,
        trust=trust,
        permanence=permanence,
        code="5.1.1",
        detail="no such user",
        address=address,
        at=NOW + timedelta(hours=1),
    )


@pytest.mark.parametrize(
    ("about", "permanence", "soft_bounces", "verdict"),
    [
        (SENT, HARD, 0, DEAD),
        (SENT, FULL, 1, GOES_ON),
        (SENT, SOFT, 1, GOES_ON),
        (SENT, SOFT, SOFT_BOUNCES - 1, GOES_ON),
        (SENT, SOFT, SOFT_BOUNCES, DEAD),
        (SENT, FULL, SOFT_BOUNCES, DEAD),
        (SENT, POLICY, 0, Verdict(bounces=True)),
        (SENT, POLICY, SOFT_BOUNCES, Verdict(bounces=True)),
        (IN_DOUBT, HARD, 0, DEAD),
        (IN_DOUBT, FULL, 1, GOES_ON),
        (IN_DOUBT, POLICY, 0, NOTHING),
        (BOUNCED, HARD, 0, MARKED),
        (BOUNCED, SOFT, 1, NOTHING),
        (CANCELLED, HARD, 0, MARKED),
        (LAST, HARD, 0, ENDS_DEAD),
        (LAST, SOFT, 1, Verdict(bounces=True)),
        (LAST_IN_DOUBT, HARD, 0, MARKED),
        (CORRECTION, HARD, 0, ENDS_DEAD),
        (TEST, HARD, 0, NOTHING),
        (HANDED_OVER, HARD, 0, Verdict(bounces=True)),
        (HANDED_OVER, FULL, SOFT_BOUNCES, Verdict(bounces=True)),
    ],
)
def test_what_a_bounce_does(about: Notification, permanence: Permanence, soft_bounces: int, verdict: Verdict) -> None:
    assert verdict_on(returned(permanence=permanence), about, soft_bounces=soft_bounces) == verdict


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (ReturnKind.COMPLAINT, Verdict(suppresses=SuppressionReason.COMPLAINT)),
        (ReturnKind.UNSUBSCRIBE, Verdict(suppresses=SuppressionReason.OPT_OUT)),
        *((kind, NOTHING) for kind in ReturnKind if kind not in {"bounce", "complaint", "unsubscribe"}),
        *((kind, NOTHING) for kind in FeedbackKind),
    ],
)
def test_what_other_mails_do(kind: ReturnKind | FeedbackKind, verdict: Verdict) -> None:
    assert verdict_on(returned(kind=kind), SENT, soft_bounces=0) == verdict


@pytest.mark.parametrize("kind", [ReturnKind.COMPLAINT, ReturnKind.UNSUBSCRIBE])
def test_a_team_cannot_be_silenced_by_what_comes_back(kind: ReturnKind) -> None:
    assert verdict_on(returned(kind=kind), HANDED_OVER, soft_bounces=0) == NOTHING


@pytest.mark.parametrize(
    ("trust", "address", "is_believed"),
    [
        (Trust.TOKEN, "", True),
        (Trust.MESSAGE_ID, "", True),
        (Trust.REFERENCE, recipient().email, True),
        (Trust.REFERENCE, "somebody@else.example", False),
        (Trust.REFERENCE, "", False),
        (Trust.NONE, recipient().email, False),
    ],
)
def test_who_is_believed(trust: Trust, address: str, is_believed: bool) -> None:
    found = verdict_on(returned(trust=trust, address=address, permanence=HARD), SENT, soft_bounces=0)
    assert (found == DEAD) is is_believed


def test_a_timeline_tells_everything_in_the_order_in_which_it_happened() -> None:
    tries = [
        Attempt(number=1, started_at=NOW, ended_at=NOW, result="deferred", smtp_code=451, detail="4.7.1 wait"),
        Attempt(number=2, started_at=NOW + timedelta(minutes=15), ended_at=NOW + timedelta(minutes=16), result="sent"),
    ]
    followers = [
        Follower("TOC-1", "warning", is_continuing=True, created_at=NOW + timedelta(hours=2), email="desk@b.example"),
        Follower(
            "TOC-2", "correction", is_continuing=False, created_at=NOW + timedelta(hours=3), email="desk@b.example"
        ),
    ]
    about = msgspec.structs.replace(SENT, queued_at=NOW)

    found = timeline_of(about, attempts=tries, returns=[returned(permanence=HARD)], followers=followers)

    assert [(each.what, each.detail) for each in found] == [
        ("planned", ""),
        ("queued", ""),
        ("attempt", "1"),
        ("deferred", "451 4.7.1 wait"),
        ("attempt", "2"),
        ("sent", ""),
        ("bounce", "permanent 5.1.1 no such user"),
        ("continued", "to desk@b.example TOC-1"),
        ("correction", "to desk@b.example TOC-2"),
    ]


def test_an_attempt_without_an_answer_is_no_more_than_that() -> None:
    found = timeline_of(SENT, attempts=[Attempt(number=1, started_at=NOW)], returns=(), followers=())
    assert [each.what for each in found] == ["planned", "queued", "attempt"]
