"""A threat was none after all: what becomes of its target in a mail, and whether its recipient is told so."""

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum, auto
from uuid import UUID

import msgspec

from libs.common.contracts import TargetAttributed as Target
from libs.common.ids import derived_id
from services.notifier.domain.notification import State

WITHDRAWN = "withdrawn"

UNSENT = frozenset({State.PLANNED, State.AWAITING_APPROVAL, State.QUEUED, State.DEFERRED})
"""Nobody has such a mail in hand, and no answer to it is lost."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A target that is not to be told, and the mail that it is in, as it was then.

    `may_have_arrived`: the relay has taken a copy of the mail, or perhaps has. `is_left_out`: of the copies that still
    go out.
    """

    notification_id: UUID
    state: State
    settled: bool
    may_have_arrived: bool
    is_left_out: bool
    target: Target


class Withdrawn(Carried, frozen=True, kw_only=True):
    """A target that was withdrawn. `is_corrected`: a correction is there already."""

    is_corrected: bool
    corrects: bool
    withdrawal_id: UUID
    by: str


class Fate(Enum):
    """What becomes of a target that is not to be told, in its mail.

    `TAKEN_OUT`: it was never told, so that is its outcome. `LEFT_OUT`: its outcome was said, and the mail waits to be
    sent once more: without it. `KEPT`: the mail is under way, in doubt, or at its end.
    """

    TAKEN_OUT = auto()
    LEFT_OUT = auto()
    KEPT = auto()


def fate_of(carried: Carried) -> Fate:
    if carried.state not in UNSENT or carried.is_left_out:
        return Fate.KEPT
    if carried.settled:
        return Fate.LEFT_OUT
    return Fate.KEPT if carried.may_have_arrived else Fate.TAKEN_OUT


def needs_correction(withdrawn: Withdrawn) -> bool:
    """Whether its recipient was told, or may be told yet, what was wrong; each is corrected once."""
    is_told = withdrawn.may_have_arrived or withdrawn.state is State.SENDING
    return withdrawn.corrects and is_told and not withdrawn.is_corrected


class Corrected(msgspec.Struct, frozen=True):
    """One threat in one notification, of which the recipient is told that it was wrong."""

    original_id: UUID
    threat_id: UUID
    withdrawal_id: UUID


def to_correct(withdrawn: Iterable[Withdrawn]) -> dict[UUID, list[Corrected]]:
    """By notification what is to be corrected of it: each threat once, in the order of their ids."""
    found: dict[UUID, dict[UUID, Corrected]] = defaultdict(dict)
    for each in filter(needs_correction, withdrawn):
        threat_id = each.target.threat_id
        found[each.notification_id][threat_id] = Corrected(each.notification_id, threat_id, each.withdrawal_id)
    return {original: [parts[threat_id] for threat_id in sorted(parts)] for original, parts in found.items()}


def correction_id_of(first: Corrected) -> UUID:
    """The id of the correction that this one opens."""
    return derived_id("correction", first.original_id, first.threat_id, first.withdrawal_id)
