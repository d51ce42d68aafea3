"""What is still to be told of a registration when a mail about it may go out: the last word counts, and each once."""

from collections.abc import Sequence

import msgspec

from libs.common.contracts import RegistrationFollowed
from services.notifier.domain.digests.digest import RegistrationNews
from services.notifier.domain.notification import State
from services.notifier.domain.planning import Suppression, SuppressionReason

WAITING = frozenset({State.QUEUED, State.DEFERRED, State.IN_DOUBT})
GONE = frozenset({State.SENDING, State.SENT, State.REHEARSED})

OWN_WORDS = frozenset({SuppressionReason.OPT_OUT, SuppressionReason.COMPLAINT})


def still_to_tell(
    waiting: Sequence[RegistrationNews], newest: RegistrationFollowed, *, gone: Sequence[RegistrationNews]
) -> RegistrationFollowed | None:
    """What of all that waits is told now, as things stand in `newest`; None where nothing is left of it.

    Not told is what was taken back since, and what a later mail that is `gone` has told.
    """
    wanted = {value for mail in waiting for value in mail.followed.news if not _is_told_since(value, mail, gone)}
    news = tuple(asset.value for asset in newest.assets if asset.value in wanted)
    return msgspec.structs.replace(newest, news=news) if news else None


def _is_told_since(value: str, mail: RegistrationNews, gone: Sequence[RegistrationNews]) -> bool:
    return any(value in other.followed.news and other.followed.revision > mail.followed.revision for other in gone)


def silences_a_question(suppression: Suppression, recipient_key: str) -> bool:
    """Whether an address that is not written to is not even asked whether it registered.

    Who has opted out, or complained, of warnings to this address is asked: without that, they could never change their
    mind. What an operator has ordered, for a whole domain or for a dead mailbox, holds.
    """
    return suppression.value != recipient_key or suppression.reason not in OWN_WORDS
