"""What keeps mails back, looked after in short rounds: first waves, unusual volume, and what was decided in bulk."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate

import msgspec
import structlog

from libs.common.contracts import IncidentChanged
from libs.common.db import Transaction
from libs.common.ids import new_id
from services.notifier.domain.brakes.decisions import Action, Decision
from services.notifier.domain.brakes.first_wave import FirstWavePolicy, begins_with_a_wave, choose_sample
from services.notifier.domain.brakes.holds import Hold, HoldKind, HoldState
from services.notifier.domain.brakes.release import ReleasePolicy, goes_by_itself
from services.notifier.domain.brakes.volume import VolumePolicy, judge_volume
from services.notifier.domain.notification import BrakeScope, State
from services.notifier.domain.outcome import BY
from services.notifier.handlers.commands import CANCELLED
from services.notifier.handlers.sending import TARGETS_AT_ONCE
from services.notifier.handlers.withdrawing import take_back
from services.notifier.store import brake_decisions, figures, holds, incidents, registration_mails, volumes, waiting

log = structlog.get_logger(__name__)

MARKED_AT_ONCE = 2000
DECIDED_AT_ONCE = 1000
FIGURES_SINCE = timedelta(days=1)
ANSWERS_KEPT = timedelta(days=90)

NEW_INCIDENT = "Nobody was mailed about this incident yet: a sample of its mails goes first, and the rest waits."
BY_ITSELF = "The first wave went well, and its time is over."

CAN_BE: dict[Action, frozenset[State]] = {
    Action.CANCELLED: frozenset({State.PLANNED, State.AWAITING_APPROVAL, State.QUEUED, State.DEFERRED}),
    Action.APPROVED: frozenset({State.AWAITING_APPROVAL}),
}
"""What is done in bulk, and with mails in which states: as with each of them alone."""


class BrakePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When mails wait for a person, and when they go on."""

    first_wave: FirstWavePolicy
    volume: VolumePolicy
    release: ReleasePolicy


async def begin_waves(
    tx: Transaction, changes: Sequence[IncidentChanged], *, policy: FirstWavePolicy, now: datetime
) -> None:
    """Let only a sample go of what is new among these incidents, from the moment that they are approved."""
    stored = await incidents.incidents_named(tx, {change.slug for change in changes})
    newcomers = [each for each in stored.values() if begins_with_a_wave(each, is_known=False, policy=policy)]
    if not newcomers:
        return
    begun = await holds.incidents_begun(tx, [each.slug for each in newcomers])
    new = [
        _hold(HoldKind.FIRST_WAVE, BrakeScope.INCIDENT, each.slug, reason=NEW_INCIDENT, now=now)
        for each in newcomers
        if each.slug not in begun
    ]
    await _put_up(tx, new)


async def keep(tx: Transaction, *, policy: BrakePolicy, now: datetime, marks: bool = True) -> bool:
    """One round; whether there is more to do at once. Doing it twice does nothing twice.

    Whatever it was doing when it died is done by the next round, of this replica or of another. It waits for nobody's
    lock while it has any of a mail. Without `marks` it leaves out what only spares the sender work: that reads all of
    the queue.
    """
    await stop_unusual(tx, policy=policy.volume, now=now)
    for wave in await holds.lock_waves(tx):
        await _draw(tx, wave, policy=policy.first_wave)
        await _release_by_itself(tx, wave, policy=policy.release, now=now)
    marked = 0
    if marks and (standing := await holds.standing_holds(tx)):
        marked = await waiting.put_out_of_sight(tx, standing, limit=MARKED_AT_ONCE)
        await waiting.note_waiting(tx, now=now)
    freed = await waiting.put_back(tx, limit=MARKED_AT_ONCE)
    return MARKED_AT_ONCE in (marked, freed)


async def stop_unusual(tx: Transaction, *, policy: VolumePolicy, now: datetime) -> None:
    """Stop the mails of each incident and partner of which today has brought unusually many."""
    if not policy.is_on:
        return
    today = await volumes.above_floors(tx, policy.floors, now=now)
    if not today:
        return
    histories = await volumes.histories_of(tx, today, now=now)
    agreed = await holds.agreed_today(tx, today, now=now)
    found = [
        judge_volume(*subject, today=day, history=histories[subject], agreed=agreed.get(subject), policy=policy)
        for subject, day in today.items()
    ]
    await _put_up(
        tx,
        [
            _hold(HoldKind.UNUSUAL_VOLUME, each.scope, each.value, reason=each.words, now=now)
            for each in found
            if each is not None
        ],
    )


async def forget(tx: Transaction, *, now: datetime) -> None:
    """What nothing is decided by any more."""
    await volumes.forget_volumes(tx, now=now)
    await figures.forget_answers(tx, before=now - ANSWERS_KEPT)
    await registration_mails.forget_questions(tx, now=now)


def _hold(kind: HoldKind, scope: BrakeScope, value: str, *, reason: str, now: datetime) -> Hold:
    return Hold(id=new_id(), kind=kind, scope=scope, value=value, state=HoldState.STANDING, reason=reason, since=now)


async def _put_up(tx: Transaction, new: Sequence[Hold]) -> None:
    for hold in await holds.put_up(tx, new):
        await brake_decisions.record_decision(
            tx,
            Decision(
                id=new_id(),
                at=hold.since,
                by=BY,
                action=Action.HELD,
                scope=hold.scope,
                value=hold.value,
                note=hold.reason,
                hold_id=hold.id,
            ),
        )
        tx.after_commit(partial(log.warning, "mails are held", kind=hold.kind, value=hold.value, reason=hold.reason))


async def _draw(tx: Transaction, wave: Hold, *, policy: FirstWavePolicy) -> None:
    """Let more mails go with a first wave, as far as it is not full. The hold is locked, so nobody else draws too."""
    chosen = await waiting.sample_of(tx, wave.value)
    if chosen.total() >= policy.mails:
        return
    candidates = await waiting.lock_candidates(tx, wave.value, of_each_kind=policy.mails)
    if not candidates:
        return
    total = await waiting.mails_about(tx, wave.value)
    drawn = choose_sample(candidates, chosen=chosen, total=total, policy=policy)
    if drawn:
        await waiting.mark_sampled(tx, drawn)


async def _release_by_itself(tx: Transaction, wave: Hold, *, policy: ReleasePolicy, now: datetime) -> None:
    if policy.by_itself_after is None or wave.waits_since is None or now - wave.waits_since < policy.by_itself_after:
        return
    found = await figures.figures_of(tx, wave, since=wave.since)
    if goes_by_itself(wave, found, policy=policy, now=now):
        await release(tx, wave, by=BY, note=BY_ITSELF, mails=None, now=now)


async def release(tx: Transaction, hold: Hold, *, by: str, note: str, mails: int | None, now: datetime) -> None:
    """Let what waits for this hold, which is locked, go."""
    today = await volumes.volume_of(tx, (hold.scope, hold.value), now=now)
    await holds.release(tx, hold.id, by=by, note=note, today=today, now=now)
    await brake_decisions.record_decision(
        tx,
        Decision(
            id=new_id(),
            at=now,
            by=by,
            action=Action.RELEASED,
            scope=hold.scope,
            value=hold.value,
            note=note,
            hold_id=hold.id,
            mails=mails,
        ),
    )


async def carry_out(tx: Transaction, *, now: datetime) -> bool:
    """Do some of what was decided in bulk; whether there is more. A crash between two rounds costs nothing.

    In a transaction of its own: it waits for the locks of mails.
    """
    decision = await brake_decisions.lock_open_decision(tx)
    if decision is None:
        return False
    found = await waiting.lock_next(tx, decision, states=CAN_BE[decision.action], limit=DECIDED_AT_ONCE)
    carried = accumulate((targets_total for _, targets_total in found), initial=0)
    chosen = [each for (each, _), before in zip(found, carried, strict=False) if before < TARGETS_AT_ONCE]
    if decision.action is Action.APPROVED:
        await waiting.approve_notifications(tx, chosen, by=decision.by, note=decision.note, now=now)
    else:
        await take_back(tx, chosen, reason="cancelled", message=CANCELLED, by=decision.by, now=now)
    await brake_decisions.note_done(tx, decision.id, mails=len(chosen))
    return bool(chosen)
