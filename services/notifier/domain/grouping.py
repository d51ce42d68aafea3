"""Which planned targets share a mail: all of one recipient and one incident, until the mail is due or full."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from uuid import UUID

import msgspec

from libs.common.contracts import Recipient
from libs.common.contracts import TargetAttributed as Target
from libs.common.errors import Fatal
from libs.common.ids import derived_id
from libs.common.references import reference_of
from libs.common.vocabulary import Severity
from services.notifier.domain.amount.repeats import Reminder, both_remind
from services.notifier.domain.notification import URGENCY, State
from services.notifier.domain.planning import Planned, contact_of, continued_by, is_said

REFERENCES_TRIED = 3
"""With ten million notifications one reference in three million is taken already, and three in a row never are."""


class Pair(msgspec.Struct, frozen=True):
    """What a mail is to and about."""

    recipient_key: str
    incident: str
    continues: UUID | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A notification as far as the targets that join it decide it; open to more while its state is `planned`.

    `confidence` is that of its least certain target, `recipient_confidence` that of its most certain one, which is
    the one that names the recipient. `wait` says what it waits for, besides others to join it; it is a `reminder` if
    all that is in it was told before. One that `continues` another has its `reference`. It is `settled` if the outcomes
    of all its targets have been said before they went on.
    """

    id: UUID
    recipient: Recipient
    recipient_confidence: float
    incident: str
    severity: Severity
    confidence: float
    partners: tuple[str, ...]
    targets_total: int
    due_at: datetime
    state: State = State.PLANNED
    wait: str = ""
    reminder: Reminder | None = None
    continues: UUID | None = None
    contact: int = 1
    reference: str = ""
    settled: bool = False


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A group after these targets have joined it."""

    group: Group
    target_ids: tuple[UUID, ...]
    is_new: bool


class Share(msgspec.Struct, frozen=True):
    """As much of a target as decides what its notification is like."""

    recipient: Recipient
    severity: Severity
    confidence: float
    partner: str


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """What all targets of a notification make of it."""

    recipient: Recipient
    recipient_confidence: float
    severity: Severity
    confidence: float
    partners: tuple[str, ...]
    targets_total: int


class GroupingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`approval_confidence`: a mail with a target that is attributed with less confidence waits for a person."""

    approval_confidence: float
    targets_per_mail: int
    reference_key: bytes


def pair_of(target: Target) -> Pair:
    continued = continued_by(target)
    return Pair(target.recipient.key, target.incident, continued.notification_id if continued else None)


def fill(
    planned: Iterable[Planned],
    *,
    groups: Mapping[Pair, Group],
    approved: Collection[str],
    policy: GroupingPolicy,
    now: datetime,
) -> list[Joined]:
    """Let each target join the open group of its recipient and incident, or a new one.

    What goes on from another notification has a group of its own, unless there is one that tells of the same threat:
    nobody gets two mails about that.

    A group that is full is closed, and the next target opens another. One that is due by now is closed as well, unless
    its incident is not among the `approved` ones: then it waits, and goes on growing.
    """
    most = policy.targets_per_mail
    return [
        _closed_if_ready(joined, approved=approved, policy=policy, now=now)
        for pair, joining in _by_group(planned, groups=groups, most=most).items()
        for joined in _join(groups.get(pair), joining, most=most)
    ]


def _by_group(
    planned: Iterable[Planned], *, groups: Mapping[Pair, Group], most: int
) -> Mapping[Pair, Sequence[Planned]]:
    """What joins each group: all of its own kind, and as guests what tells of the same threats, while there is room."""
    open_ones = {(group.id, group.incident): pair for pair, group in groups.items()}
    homes: dict[tuple[str, str, UUID], Pair] = {}
    own: dict[Pair, list[Planned]] = {pair: [] for pair in groups}
    guests: dict[Pair, list[Planned]] = defaultdict(list)
    for item in planned:
        target, pair = item.target, pair_of(item.target)
        about = (target.recipient.key, target.incident, target.threat_id)
        home = open_ones.get((item.joins, target.incident)) if item.joins else homes.get(about)
        if home not in (None, pair) and len(guests[home]) < _room_for_guests(groups.get(home), most=most):
            guests[home].append(item)
        else:
            homes.setdefault(about, pair)
            own.setdefault(pair, []).append(item)
    # A new group is what the first one makes of it, which is no guest.
    return {
        pair: [*guests[pair], *items] if pair in groups else [items[0], *guests[pair], *items[1:]]
        for pair, items in own.items()
    }


def _room_for_guests(group: Group | None, *, most: int) -> int:
    return most - (group.targets_total if group else 1)


def _join(group: Group | None, joining: Sequence[Planned], *, most: int) -> Iterable[Joined]:
    """Fill the open group first, then as many new ones as it takes."""
    room = most - group.targets_total if group else most
    while joining:
        # A group is over-full when the setting was lowered since: it takes one more, and that closes it.
        part, joining = joining[: max(1, room)], joining[max(1, room) :]
        newcomer = _group_of(part)
        yield Joined(
            group=_united(group, newcomer) if group else newcomer,
            target_ids=tuple(item.target.target_id for item in part),
            is_new=group is None,
        )
        group, room = None, most


def _group_of(joining: Sequence[Planned]) -> Group:
    first = joining[0].target
    continued = continued_by(first)
    causes = (first.recipient.key, first.incident, first.target_id)
    united = sum_of([item.target for item in joining])
    soonest = min(joining, key=lambda item: item.due_at)
    return Group(
        id=derived_id("notification", *causes, *((continued.notification_id,) if continued else ())),
        recipient=united.recipient,
        recipient_confidence=united.recipient_confidence,
        incident=first.incident,
        severity=united.severity,
        confidence=united.confidence,
        partners=united.partners,
        targets_total=united.targets_total,
        due_at=soonest.due_at,
        wait=soonest.wait or "",
        reminder=reduce(both_remind, (item.reminder for item in joining)),
        continues=continued.notification_id if continued else None,
        contact=max(contact_of(item.target) for item in joining),
        reference=continued.reference if continued else "",
        settled=all(is_said(item.target) for item in joining),
    )


def _confidence(target: Target | Share) -> float:
    return target.confidence


def sum_of(targets: Sequence[Target] | Sequence[Share]) -> Sum:
    """Of at least one target. The surest names the recipient, the worst and the least sure count for all."""
    surest = max(targets, key=_confidence)
    return Sum(
        recipient=with_keys(surest.recipient, [target.recipient for target in targets]),
        recipient_confidence=surest.confidence,
        severity=min((target.severity for target in targets), key=URGENCY.index),
        confidence=min(target.confidence for target in targets),
        partners=tuple(sorted({target.partner for target in targets})),
        targets_total=len(targets),
    )


def with_keys(chosen: Recipient, same: Sequence[Recipient]) -> Recipient:
    """A key that any target knows of is used; who takes encrypted mail only, as any knows, takes it of all."""
    known = [each.encryption for each in (chosen, *same) if each.encryption is not None]
    if not known:
        return chosen
    best = next((each for each in known if each.pgp_key or each.smime_certificate), known[0])
    is_required = any(each.is_required for each in known)
    return msgspec.structs.replace(chosen, encryption=msgspec.structs.replace(best, is_required=is_required))


def _united(group: Group, other: Group) -> Group:
    surest = max(group, other, key=lambda each: each.recipient_confidence)
    soonest = min(group, other, key=lambda each: each.due_at)
    return msgspec.structs.replace(
        group,
        recipient=with_keys(surest.recipient, (group.recipient, other.recipient)),
        recipient_confidence=surest.recipient_confidence,
        severity=min(group.severity, other.severity, key=URGENCY.index),
        confidence=min(group.confidence, other.confidence),
        partners=tuple(sorted({*group.partners, *other.partners})),
        targets_total=group.targets_total + other.targets_total,
        due_at=soonest.due_at,
        wait=soonest.wait,
        reminder=both_remind(group.reminder, other.reminder),
        contact=max(group.contact, other.contact),
        settled=group.settled and other.settled,
    )


def _closed_if_ready(joined: Joined, *, approved: Collection[str], policy: GroupingPolicy, now: datetime) -> Joined:
    group = joined.group
    is_full = group.targets_total >= policy.targets_per_mail
    is_due = group.due_at <= now and group.incident in approved
    if not (is_full or is_due):
        return joined
    return msgspec.structs.replace(joined, group=msgspec.structs.replace(group, state=_closing_state(group, policy)))


def _closing_state(group: Group, policy: GroupingPolicy) -> State:
    """Where a group goes that no target can join any more. Nobody is asked about a test."""
    is_uncertain = group.confidence < policy.approval_confidence and group.recipient.test_of is None
    return State.AWAITING_APPROVAL if is_uncertain else State.QUEUED


def references_for(notification_id: UUID, *, key: bytes) -> list[str]:
    """The references that a notification can have, the one that it should have first."""
    return [reference_of(notification_id, key, attempt=attempt) for attempt in range(REFERENCES_TRIED)]


def choose_references(candidates: Mapping[UUID, Sequence[str]], *, taken: Collection[str]) -> dict[UUID, str]:
    """For each notification the first of its candidates that nobody has."""
    owners: dict[str, UUID] = {}
    for notification_id, references in candidates.items():
        free = [reference for reference in references if reference not in taken and reference not in owners]
        if not free:
            raise Fatal(f"no free reference for notification {notification_id}")
        owners[free[0]] = notification_id
    return {notification_id: reference for reference, notification_id in owners.items()}
