"""What people at the desk do about mails that wait: look at the figures, ask, release, cancel, approve in bulk."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.ids import new_id
from libs.common.problems import Problem, not_found
from services.notifier.domain.brakes.decisions import Action, Decision
from services.notifier.domain.brakes.holds import Hold, HoldKind, HoldState
from services.notifier.domain.brakes.release import (
    Amount,
    Figures,
    Refusal,
    ReleasePolicy,
    is_as_seen,
    release_refused,
    troubles_in,
)
from services.notifier.domain.notification import BrakeScope, State
from services.notifier.handlers.keeping import CAN_BE, FIGURES_SINCE, release
from services.notifier.store import brake_decisions, figures, holds, waiting
from services.notifier.store.brake_decisions import newest_decisions
from services.notifier.store.holds import newest_holds

__all__ = ["newest_decisions", "newest_holds"]

K = TypeVar("K")

WOULD_GO = frozenset({State.PLANNED, State.QUEUED, State.DEFERRED, State.IN_DOUBT})
SHOWN = WOULD_GO | {State.AWAITING_APPROVAL}


class HoldDossier(msgspec.Struct, frozen=True, kw_only=True):
    """A hold with what an approver needs to know. `troubles`: why a first wave would not go on by itself."""

    hold: Hold
    figures: Figures
    amount: Amount
    troubles: Sequence[str]
    released_by_itself_at: datetime | None


async def dossier_of_hold(tx: Transaction, hold: Hold, *, policy: ReleasePolicy) -> HoldDossier:
    found = await figures.figures_of(tx, hold, since=hold.since - FIGURES_SINCE)
    is_wave = hold.kind is HoldKind.FIRST_WAVE
    by_itself_at = hold.waits_since + policy.by_itself_after if hold.waits_since and policy.by_itself_after else None
    return HoldDossier(
        hold=hold,
        figures=found,
        amount=await amount_behind(tx, hold),
        troubles=troubles_in(found, policy=policy) if is_wave else [],
        released_by_itself_at=by_itself_at if is_wave and hold.state is HoldState.STANDING else None,
    )


async def amount_behind(tx: Transaction, hold: Hold) -> Amount:
    """How much would go, were this hold released: what waits, and what is being gathered for a mail."""
    found = await waiting.amounts_by_state(tx, hold.scope, hold.value, hold_id=hold.id, states=WOULD_GO)
    return _sum(found)


async def amounts_within(tx: Transaction, scope: BrakeScope, value: str) -> Mapping[State, Amount]:
    """How much waits of everything, an incident, a partner, or a recipient's domain, whatever keeps it back."""
    return await waiting.amounts_by_state(tx, scope, value, hold_id=None, states=SHOWN)


def _sum(amounts: Mapping[State, Amount]) -> Amount:
    parts = list(amounts.values())
    return Amount(
        mails=sum(part.mails for part in parts),
        targets=sum(part.targets for part in parts),
        kinds=_added([part.kinds for part in parts]),
        severities=_added([part.severities for part in parts]),
    )


def _added(counts: Sequence[Mapping[K, int]]) -> dict[K, int]:
    return {key: sum(each.get(key, 0) for each in counts) for key in {key for each in counts for key in each}}


async def hold_called(tx: Transaction, hold_id: UUID, *, lock: bool = False) -> Hold:
    hold = await holds.hold_with_id(tx, hold_id, lock=lock)
    if hold is None:
        raise not_found("hold")
    return hold


async def ask_for_release(tx: Transaction, hold_id: UUID, *, by: str, note: str, now: datetime) -> Hold:
    """Say that these mails should go; where it takes two, somebody else then lets them. The last who asks counts."""
    hold = await hold_called(tx, hold_id, lock=True)
    _require_standing(hold)
    await holds.note_asked(tx, hold_id, by=by, now=now)
    await _record(tx, Action.ASKED, hold.scope, hold.value, by=by, note=note, hold_id=hold_id, now=now)
    return await hold_called(tx, hold_id)


async def release_hold(
    tx: Transaction, hold_id: UUID, *, seen: int, by: str, note: str, policy: ReleasePolicy, now: datetime
) -> Hold:
    """Let go what waits for it, if it is no more than was seen."""
    hold = await hold_called(tx, hold_id, lock=True)
    amount = await amount_behind(tx, hold)
    refusal = release_refused(hold, by=by, seen=seen, now=amount.mails, policy=policy)
    if refusal is not None:
        raise _refused(refusal, hold, amount.mails)
    if await brake_decisions.is_being_cancelled(tx, hold_id):
        raise _refused(Refusal.WRONG_STATE, hold, amount.mails)
    await release(tx, hold, by=by, note=note, mails=amount.mails, now=now)
    return await hold_called(tx, hold_id)


async def cancel_held(tx: Transaction, hold_id: UUID, *, seen: int, by: str, note: str, now: datetime) -> Hold:
    """Take back what waits for it, if it is no more than was seen. What comes later goes on waiting."""
    hold = await hold_called(tx, hold_id, lock=True)
    _require_standing(hold)
    amount = await amount_behind(tx, hold)
    _require_as_seen(seen, amount.mails)
    await _record(
        tx,
        Action.CANCELLED,
        hold.scope,
        hold.value,
        by=by,
        note=note,
        hold_id=hold_id,
        mails=amount.mails,
        is_open=True,
        now=now,
    )
    return hold


async def order_in_bulk(
    tx: Transaction, action: Action, scope: BrakeScope, value: str, *, seen: int, by: str, note: str, now: datetime
) -> Decision:
    """Approve, or take back, all that waits within a scope, if it is no more than was seen."""
    found = await waiting.amounts_by_state(tx, scope, value, hold_id=None, states=CAN_BE[action])
    mails = _sum(found).mails
    _require_as_seen(seen, mails)
    return await _record(tx, action, scope, value, by=by, note=note, mails=mails, is_open=True, now=now)


async def require_seen_behind_brake(tx: Transaction, scope: BrakeScope, value: str, *, seen: int) -> None:
    """Raise the 409 problem where lifting a brake would let more go than was seen."""
    found = await waiting.amounts_by_state(tx, scope, value, hold_id=None, states=WOULD_GO)
    _require_as_seen(seen, _sum(found).mails)


async def _record(
    tx: Transaction,
    action: Action,
    scope: BrakeScope,
    value: str,
    *,
    by: str,
    note: str,
    now: datetime,
    hold_id: UUID | None = None,
    mails: int | None = None,
    is_open: bool = False,
) -> Decision:
    decision = Decision(
        id=new_id(),
        at=now,
        by=by,
        action=action,
        scope=scope,
        value=value,
        note=note,
        hold_id=hold_id,
        mails=mails,
        is_open=is_open,
    )
    await brake_decisions.record_decision(tx, decision)
    return decision


def _require_standing(hold: Hold) -> None:
    if hold.state is not HoldState.STANDING:
        raise _refused(Refusal.WRONG_STATE, hold, 0)


def _require_as_seen(seen: int, mails: int) -> None:
    if not is_as_seen(seen, now=mails):
        raise _amount_changed(mails)


def _refused(refusal: Refusal, hold: Hold, mails: int) -> Problem:
    name = f"{hold.scope} {hold.value}"
    match refusal:
        case Refusal.FOUR_EYES:
            return Problem(403, "four-eyes", "Somebody else must release this", f"You asked for {name}.")
        case Refusal.NOT_ASKED:
            return Problem(409, "not-asked", "Somebody has to ask for it first", f"It takes two to release {name}.")
        case Refusal.WRONG_STATE:
            return Problem(
                409, "wrong-state", "Nothing waits for this now", f"{name} is {hold.state}, or being cancelled."
            )
        case Refusal.AMOUNT_CHANGED:
            return _amount_changed(mails)


def _amount_changed(mails: int) -> Problem:
    return Problem(409, "amount-changed", "There are more mails than you have seen", f"It would be {mails} now.")
