"""`/v1/holds`: what keeps the mails of an incident or a partner back, with the figures, and letting them go."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from libs.common.db import Database, Transaction
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import RecipientKind, Severity
from services.notifier.domain.brakes.holds import Hold, HoldKind, HoldState
from services.notifier.domain.brakes.release import Amount, ReleasePolicy
from services.notifier.domain.notification import BrakeScope
from services.notifier.handlers.holding import (
    HoldDossier,
    ask_for_release,
    cancel_held,
    dossier_of_hold,
    hold_called,
    newest_holds,
    release_hold,
)

K = TypeVar("K")
Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]


class Wish(BaseModel):
    """Why; it is kept with the decision."""

    note: str = Field("", max_length=500)


class SeenOrder(Wish):
    """What an approver decides on: as many mails as `waiting` said. Refused where there are over a tenth more."""

    mails: int = Field(ge=0, le=10**9, description="How many mails you have seen that it is about")


class AmountView(BaseModel):
    mails: int
    targets: int
    by_recipient_kind: dict[RecipientKind, int]
    by_severity: dict[Severity, int]


class FiguresView(BaseModel):
    """What became of the mails that have left, and what their recipients said; a wave's, or those of the last day.

    `useful` and `clear` are means of 1 to 5. `wrong`, `not_ours` and the rest are answers.
    """

    sent: int
    delivered: int
    bounced: int
    deferred: int
    under_way: int
    complaints: int
    ratings: int
    useful: float | None
    clear: float | None
    wrong: int
    not_ours: int
    questions: int
    fixed: int
    opt_outs: int


class HoldView(BaseModel):
    """`waiting` is what would go. `troubles` keep a first wave from going on by itself, `released_by_itself_at`."""

    id: UUID
    kind: HoldKind
    scope: BrakeScope
    value: str
    state: HoldState
    reason: str
    since: datetime
    waits_since: datetime | None
    asked_by: str | None
    asked_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    note: str
    waiting: AmountView
    figures: FiguresView
    troubles: list[str]
    released_by_itself_at: datetime | None


def routes(database: Database, policy: ReleasePolicy) -> APIRouter:
    router = APIRouter(prefix="/v1/holds", tags=["brake"])
    readers = [Depends(operator(at_least=Role.VIEWER))]

    async def shown(tx: Transaction, hold: Hold) -> HoldView:
        return _hold_view(await dossier_of_hold(tx, hold, policy=policy))

    @router.get("", dependencies=readers)
    async def list_holds(
        state: HoldState | None = None, limit: PageLimit = 50, cursor: PageCursor = None
    ) -> Page[HoldView]:
        """Newest first, with what waits for each and how its mails have fared."""
        before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await newest_holds(tx, state=state, before=before, limit=limit + 1)
            views = [await shown(tx, hold) for hold in found[:limit]]
        last = found[limit - 1] if len(found) > limit else None
        return Page(items=views, next=encode_cursor(last.since.isoformat(), last.id) if last else None)

    @router.get("/{hold_id}", dependencies=readers)
    async def read_hold(hold_id: UUID) -> HoldView:
        """What an approver reads before deciding: nothing is changed by it."""
        async with database.transaction() as tx:
            return await shown(tx, await hold_called(tx, hold_id))

    @router.post("/{hold_id}/ask", responses=refusals(409))
    async def ask(hold_id: UUID, by: Approver, wish: Wish | None = None) -> HoldView:
        """Ask somebody else to release it, where that takes two."""
        note = wish.note if wish else ""
        async with database.transaction() as tx:
            return await shown(tx, await ask_for_release(tx, hold_id, by=by.name, note=note, now=database.now()))

    @router.post("/{hold_id}/release", responses=refusals(409))
    async def release(hold_id: UUID, by: Approver, order: SeenOrder) -> HoldView:
        """Everything that waits for it goes, within seconds. Where it takes two, not by whoever asked."""
        async with database.transaction() as tx:
            released = await release_hold(
                tx, hold_id, seen=order.mails, by=by.name, note=order.note, policy=policy, now=database.now()
            )
            return await shown(tx, released)

    @router.post("/{hold_id}/cancel", responses=refusals(409))
    async def cancel(hold_id: UUID, by: Approver, order: SeenOrder) -> HoldView:
        """Everything that waits for it is taken back, within seconds; what comes later goes on waiting."""
        async with database.transaction() as tx:
            held = await cancel_held(tx, hold_id, seen=order.mails, by=by.name, note=order.note, now=database.now())
            return await shown(tx, held)

    return router


def amount_view(amount: Amount) -> AmountView:
    return AmountView(
        mails=amount.mails,
        targets=amount.targets,
        by_recipient_kind=_in_order(amount.kinds, list(RecipientKind)),
        by_severity=_in_order(amount.severities, list(Severity)),
    )


def _in_order(counts: Mapping[K, int], order: Sequence[K]) -> dict[K, int]:
    return {each: counts[each] for each in order if counts.get(each)}


def _hold_view(dossier: HoldDossier) -> HoldView:
    return HoldView(
        **msgspec.structs.asdict(dossier.hold),
        waiting=amount_view(dossier.amount),
        figures=FiguresView(**msgspec.structs.asdict(dossier.figures)),
        troubles=list(dossier.troubles),
        released_by_itself_at=dossier.released_by_itself_at,
    )
