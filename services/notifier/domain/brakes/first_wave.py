"""The first wave of a new incident: which incidents have one, how many mails are in it, and which."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import ceil
from uuid import UUID

import msgspec

from libs.common.contracts import IncidentChanged
from libs.common.vocabulary import IncidentState, RecipientKind, Severity


class Newcomers(StrEnum):
    """Which incidents that nobody was mailed about yet begin with a first wave.

    `people`: those that a person has approved on this system; what comes approved with the release goes at once.
    """

    NONE = "none"
    PEOPLE = "people"
    ALL = "all"


class FirstWavePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """At most `mails`, and no greater `share` of all mails of the incident; but one to each kind of recipient."""

    newcomers: Newcomers = Newcomers.PEOPLE
    with_critical: bool = False
    mails: int = 20
    share: float = 0.1


class Candidate(msgspec.Struct, frozen=True):
    """A mail that waits, and to what kind of recipient it goes."""

    id: UUID
    kind: RecipientKind


def begins_with_a_wave(incident: IncidentChanged, *, is_known: bool, policy: FirstWavePolicy) -> bool:
    """Whether only a sample of its mails may go for now. `is_known`: it had its wave, or somebody was mailed about it.

    A critical incident can't wait, unless the policy says that it can.
    """
    if is_known or incident.state is not IncidentState.APPROVED:
        return False
    if incident.severity is Severity.CRITICAL and not policy.with_critical:
        return False
    match policy.newcomers:
        case Newcomers.NONE:
            return False
        case Newcomers.PEOPLE:
            return bool(incident.approved_by)
        case Newcomers.ALL:
            return True


def sample_size(total: int, *, kinds: int, policy: FirstWavePolicy) -> int:
    """How many of `total` mails, to so many kinds of recipients, are in the first wave. It grows with the total."""
    return min(policy.mails, total, max(kinds, ceil(policy.share * total)))


def choose_sample(
    waiting: Iterable[Candidate], *, chosen: Mapping[RecipientKind, int], total: int, policy: FirstWavePolicy
) -> list[UUID]:
    """Which of the mails that wait go with the first wave, besides those that were `chosen` before.

    The kinds of recipients take turns, the one with the fewest first. Within a kind the lowest ids: they are made by
    hashing, so this is a fair draw, and whoever draws again draws the same.
    """
    queues: dict[RecipientKind, deque[UUID]] = defaultdict(deque)
    for candidate in sorted(waiting, key=lambda each: each.id):
        queues[candidate.kind].append(candidate.id)
    taken = Counter(chosen)
    kinds = {kind for kind in (*queues, *taken) if kind in queues or taken[kind]}
    room = sample_size(total, kinds=len(kinds), policy=policy) - taken.total()
    drawn: list[UUID] = []
    while len(drawn) < room and (left := [kind for kind in RecipientKind if queues[kind]]):
        turn = min(left, key=lambda kind: taken[kind])
        drawn.append(queues[turn].popleft())
        taken[turn] += 1
    return drawn
