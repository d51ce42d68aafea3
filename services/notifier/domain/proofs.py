"""Who was to be told of an asset can't prove any more that it is theirs: what becomes of its target in a mail."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from libs.common.contracts import RecipientUnreachable
from libs.common.contracts import TargetAttributed as Target
from services.notifier.domain.planning import is_said
from services.notifier.domain.withdrawal import Carried, Fate, fate_of

PROOF_LOST = "proof-lost"
NOBODY_KNOWN = (
    "Whoever was to be told can't prove any more that the asset is theirs, and nobody else is known who could be told."
)


class Unproven(Carried, frozen=True, kw_only=True):
    """A target that rests on what does not count any more."""

    reference: str


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A target that was taken out of its mail, and whom it went to instead, as far as that is known yet."""

    unproven_at: datetime
    given_up_at: datetime | None
    reference: str | None
    recipient_key: str | None
    anew_at: datetime | None


def rests_on(target: Target) -> list[str]:
    """The assets on whose registration its attribution rests."""
    return sorted({step.rests_on.asset for step in target.evidence if step.rests_on is not None})


def is_lost(target: Target, lost: Mapping[str, int]) -> bool:
    """Whether it rests on an asset that is lost since; a word that was known when it was attributed says nothing."""
    resting = (step.rests_on for step in target.evidence if step.rests_on is not None)
    return any(lost.get(each.asset, each.revision) > each.revision for each in resting)


def fates_of(unproven: Iterable[Unproven]) -> list[tuple[Unproven, Fate]]:
    """What is to be done with each; nothing with what is under way or at its end."""
    return [(each, fate) for each in unproven if (fate := fate_of(each)) is not Fate.KEPT]


def attribute_anew(unproven: Unproven, *, now: datetime) -> RecipientUnreachable:
    """The question to attribution who is to be told of it instead."""
    return RecipientUnreachable(
        target=unproven.target,
        notification_id=unproven.notification_id,
        reference=unproven.reference,
        reason=PROOF_LOST,
        is_settled=is_said(unproven.target),
        at=now,
        is_unproven=True,
        traceparent=unproven.target.traceparent,
    )
