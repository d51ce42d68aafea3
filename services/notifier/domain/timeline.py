"""What happened to a notification, as one list for people. Ratings are not in it: they are anonymous."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from libs.common.text import plain
from services.notifier.domain.continuing import Sought
from services.notifier.domain.notification import Attempt, Notification, State
from services.notifier.domain.planning import DEAD, SuppressionReason
from services.notifier.domain.proofs import Taken
from services.notifier.domain.returns import Return

DETAIL_CHARACTERS = 300
PASSED_ON = {
    SuppressionReason.UNDELIVERABLE: "another mail to its address was refused, so another contact is asked for",
    SuppressionReason.BOUNCED: "another mail to its address came back, so another contact is asked for",
}


class Happening(msgspec.Struct, frozen=True):
    """One line: when, what in a word, and the rest in words that are not ours."""

    at: datetime
    what: str
    detail: str = ""


class Follower(msgspec.Struct, frozen=True):
    """A notification that continues another one, or corrects it."""

    reference: str
    kind: str
    is_continuing: bool
    created_at: datetime
    email: str


def timeline_of(
    notification: Notification,
    *,
    attempts: Sequence[Attempt],
    returns: Iterable[Return],
    followers: Iterable[Follower],
    sought: Sequence[Sought] = (),
    taken: Sequence[Taken] = (),
) -> list[Happening]:
    """Oldest first; what happened in one moment in the order of its life."""
    happenings = [
        *_of_its_own(notification),
        *_of_search(notification, sought),
        *_of_taken(taken),
        *(each for attempt in attempts for each in _of_attempt(attempt)),
        *(Happening(each.at, each.kind, _said(each)) for each in returns),
        *(_of_follower(follower) for follower in followers),
    ]
    return sorted(happenings, key=lambda happening: happening.at)


def _of_its_own(notification: Notification) -> Iterator[Happening]:
    begun = (
        f"contact {notification.contact}, since an earlier one could not be reached" if notification.continues else ""
    )
    yield Happening(notification.created_at, "planned", begun)
    if notification.decided_at is not None:
        what = "cancelled" if notification.state is State.CANCELLED else "decided"
        words = (f"by {notification.decided_by}" if notification.decided_by else "", notification.note)
        yield Happening(notification.decided_at, what, _joined(*words))
    if notification.queued_at is not None:
        yield Happening(notification.queued_at, "queued")


def _of_search(notification: Notification, sought: Sequence[Sought]) -> Iterator[Happening]:
    """Its address was found dead while it waited; a person has had another contact asked for; nobody is left."""
    if notification.reason in DEAD and notification.state is State.BOUNCED and notification.gone_on_at is not None:
        yield Happening(notification.gone_on_at, "passed-on", PASSED_ON[SuppressionReason(notification.reason)])
    if asked := [each.asked_again_at for each in sought if each.asked_again_at is not None]:
        yield Happening(max(asked), "asked-again", "who else can be told")
    if ended := [each.exhausted_at for each in sought if each.exhausted_at is not None]:
        yield Happening(max(ended), "exhausted", f"nobody else is known for {len(ended)} of {len(sought)}")


def _of_taken(taken: Sequence[Taken]) -> Iterator[Happening]:
    """What it was to tell, until the recipient could not prove any more that the asset is theirs."""
    for at, number in Counter(each.unproven_at for each in taken).items():
        yield Happening(at, "proof-lost", f"{number} taken out, since the asset is not proven as the recipient's")
    for (email, reference), since in _first_of(taken).items():
        yield Happening(since, "attributed-anew", _joined(f"to {email}", reference))
    if ended := [each.given_up_at for each in taken if each.given_up_at is not None]:
        yield Happening(max(ended), "exhausted", f"nobody else is known for {len(ended)} of {len(taken)}")


def _first_of(taken: Iterable[Taken]) -> dict[tuple[str, str], datetime]:
    """Since when each other recipient has some of it, by the address and the reference of its mail."""
    since: dict[tuple[str, str], datetime] = {}
    for each in taken:
        if each.anew_at is not None and each.recipient_key is not None and each.reference is not None:
            mail = each.recipient_key, each.reference
            since[mail] = min(since.get(mail, each.anew_at), each.anew_at)
    return since


def _of_attempt(attempt: Attempt) -> Iterator[Happening]:
    yield Happening(attempt.started_at, "attempt", str(attempt.number))
    if attempt.ended_at is not None and attempt.result is not None:
        code = str(attempt.smtp_code) if attempt.smtp_code else ""
        yield Happening(attempt.ended_at, attempt.result, _joined(code, attempt.detail))


def _said(returned: Return) -> str:
    return _joined(returned.permanence or "", returned.code, returned.address, returned.detail)


def _of_follower(follower: Follower) -> Happening:
    what = "continued" if follower.is_continuing else "correction"
    return Happening(follower.created_at, what, _joined(f"to {follower.email}", follower.reference))


def _joined(*words: str) -> str:
    return plain(" ".join(filter(None, words)), DETAIL_CHARACTERS)
