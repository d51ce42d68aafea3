"""Events that come in: targets to mail, incidents that change, recipients who ask not to be written to."""

from asyncio import Event
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from libs.common.contracts import FeedbackReceived, IncidentChanged, IndicatorSettled, is_team
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from libs.common.metrics import NOTIFICATIONS
from libs.common.vocabulary import FeedbackKind, Outcome
from services.notifier.domain.brakes.first_wave import FirstWavePolicy, Newcomers
from services.notifier.domain.brakes.volume import brought_by
from services.notifier.domain.copies import with_copies
from services.notifier.domain.grouping import (
    GroupingPolicy,
    Joined,
    choose_references,
    fill,
    pair_of,
    references_for,
)
from services.notifier.domain.notification import State
from services.notifier.domain.outcome import settled_targets
from services.notifier.domain.planning import Planned, PlanningPolicy, Suppression, SuppressionReason, plan
from services.notifier.domain.proofs import rests_on
from services.notifier.handlers.keeping import begin_waves
from services.notifier.handlers.withdrawing import silence, take_out_unproven, withdraw_closed
from services.notifier.store import (
    continuing,
    groups,
    incidents,
    orders,
    proofs,
    returns,
    targets,
    volumes,
    withdrawals,
)
from services.notifier.store.targets import StoredDecision

__all__ = ["FirstWavePolicy", "GroupingPolicy", "PlanningPolicy", "heed_feedback", "plan_targets", "take_up_incidents"]

WITHOUT_WAVES = FirstWavePolicy(newcomers=Newcomers.NONE)


async def plan_targets(
    events: Sequence[Target],
    *,
    tx: Transaction,
    now: datetime,
    policy: PlanningPolicy,
    grouping: GroupingPolicy,
    queued: Event,
) -> Sequence[IndicatorSettled]:
    """Let each target, and each copy of it, join its notification, or suppress it. What came before keeps its decision.

    Returns one `IndicatorSettled` for each that is suppressed; the others are settled when their mail is. Sets `queued`
    when a mail can go out at once.
    """
    wanted = {target.target_id: target for event in events for target in with_copies(event)}
    decided = await targets.decisions_on(tx, wanted)
    fresh = [target for target in wanted.values() if target.target_id not in decided]
    await withdrawals.wait_for_withdrawals(tx)
    await continuing.wait_for_planning(tx, alone=any(target.continued for target in fresh))
    history = await targets.history_of(tx, fresh, now=now)
    worsened = history.worsened(fresh)
    open_groups = await groups.open_groups(tx, {pair_of(event) for event in fresh}, named=worsened)
    history = history.but_for(worsened - {group.id for group in open_groups.values()})

    decisions = plan(fresh, history=history, policy=policy, now=now)
    planned = [decision for decision in decisions if isinstance(decision, Planned)]
    joined = fill(planned, groups=open_groups, approved=history.approved, policy=grouping, now=now)

    opened = [item.group for item in joined if item.is_new]
    anew = [group.id for group in opened if group.continues is None]
    references = await free_references(tx, anew, key=grouping.reference_key)
    references |= {group.id: group.reference for group in opened if group.continues is not None}
    await groups.record_groups(tx, joined, references=references, now=now)
    notifications = {target_id: item.group.id for item in joined for target_id in item.target_ids}
    decided |= await targets.record_decisions(tx, decisions, notifications=notifications, now=now)
    await _take_out_unproven(tx, planned, notifications=notifications, now=now)
    await volumes.count_volumes(tx, brought_by(planned, joined), now=now)
    tx.after_commit(partial(_tell, joined, queued))
    return [settled for event in events for settled in _settled(event, decided[event.target_id])]


async def _take_out_unproven(
    tx: Transaction, planned: Sequence[Planned], *, notifications: Mapping[UUID, UUID], now: datetime
) -> None:
    """What was attributed before a loss of proof, and comes after the word of it."""
    resting = {item.target.target_id: assets for item in planned if (assets := rests_on(item.target))}
    lost = await proofs.lost_among(tx, {asset for assets in resting.values() for asset in assets})
    mails = {notifications[target_id] for target_id, assets in resting.items() if lost.keys() & set(assets)}
    if mails:
        await take_out_unproven(tx, await proofs.unproven_in(tx, sorted(mails)), now=now)


async def free_references(tx: Transaction, notification_ids: Iterable[UUID], *, key: bytes) -> dict[UUID, str]:
    """One for each of these new notifications."""
    candidates = {each: references_for(each, key=key) for each in notification_ids}
    wanted = [reference for references in candidates.values() for reference in references]
    return choose_references(candidates, taken=await groups.taken_references(tx, wanted))


def _settled(target: Target, decision: StoredDecision) -> Sequence[IndicatorSettled]:
    if not decision.suppressed:
        return ()
    return settled_targets(
        [target],
        outcome=Outcome.SUPPRESSED,
        reason=decision.reason,
        message=decision.message,
        now=decision.decided_at,
    )


def _tell(joined: Sequence[Joined], queued: Event) -> None:
    """Count what is new, and wake the sender."""
    for item in joined:
        if item.is_new:
            NOTIFICATIONS.labels(State.PLANNED).inc()
        if item.group.state is not State.PLANNED:
            NOTIFICATIONS.labels(item.group.state).inc()
        if item.group.state is State.QUEUED:
            queued.set()


async def take_up_incidents(
    events: Sequence[IncidentChanged], *, tx: Transaction, now: datetime, waves: FirstWavePolicy = WITHOUT_WAVES
) -> Sequence[IndicatorSettled]:
    """Keep each incident's newest word; a closed one takes what has not gone out with it (said through the outbox).

    Of one that is new only a sample may go, as far as `waves` says so.
    """
    await incidents.record_incidents(tx, events)
    await begin_waves(tx, events, policy=waves, now=now)
    await withdraw_closed(tx, by="verifier", now=now)
    return ()


async def heed_feedback(
    events: Sequence[FeedbackReceived], *, tx: Transaction, now: datetime
) -> Sequence[IndicatorSettled]:
    """An opt-out silences its recipient, also for what already waits. What is fixed is news when it is seen again.

    A team can't opt out: feedback does not offer it, and whatever says so all the same is passed over.
    """
    await returns.note_answers(tx, events)
    await targets.record_fixes(tx, [event for event in events if event.kind is FeedbackKind.FIXED])
    leaving = {event.recipient_key for event in events if event.kind is FeedbackKind.OPT_OUT and event.recipient_key}
    suppressions = [
        Suppression(value=recipient, reason=SuppressionReason.OPT_OUT)
        for recipient in sorted(filter(None, leaving))
        if not is_team(recipient)
    ]
    await orders.record_suppressions(tx, suppressions, note="the recipient asked for it", by="feedback", now=now)
    for suppression in suppressions:
        await silence(tx, suppression, by="feedback", now=now)
    return ()
