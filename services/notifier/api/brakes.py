"""`/v1/brake`: stop sending, all of it or a part, and let it go on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.security import Operator, Role, operator
from services.notifier.domain.notification import Brake, BrakeScope
from services.notifier.handlers.commands import set_brake
from services.notifier.handlers.holding import require_seen_behind_brake
from services.notifier.handlers.looking import all_brakes

Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]


class BrakeOrder(BaseModel):
    engaged: bool
    scope: BrakeScope = BrakeScope.ALL
    value: str = Field("", max_length=253, description="Which incident, partner or domain; empty with the scope `all`")
    reason: str = Field("", max_length=500)
    mails: int | None = Field(
        None,
        ge=0,
        le=10**9,
        description="To release: how many mails you have seen that wait; refused where there are over a tenth more",
    )

    @model_validator(mode="after")
    def _names_what_it_stops(self) -> Self:
        if (self.scope is BrakeScope.ALL) == bool(self.value):
            raise ValueError("`value` names the incident, partner or domain, and is empty with the scope `all`")
        return self


class BrakeView(BaseModel):
    engaged: bool
    scope: BrakeScope
    value: str
    reason: str
    changed_at: datetime
    changed_by: str


class Brakes(BaseModel):
    """`engaged`, `scope`, `value` and `reason` are those of the widest engaged brake; `brakes` are all of them."""

    engaged: bool
    scope: BrakeScope
    value: str
    reason: str
    brakes: list[BrakeView]


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/brake", tags=["brake"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def read_brake() -> Brakes:
        """All brakes, and the widest of those that are engaged."""
        async with database.transaction() as tx:
            return _brakes_view(await all_brakes(tx))

    @router.put("", responses=refusals(409))
    async def put_brake(order: BrakeOrder, by: Approver) -> Brakes:
        """An engaged brake stops sending within a second; released, everything that waited goes out."""
        brake = Brake(
            scope=order.scope,
            value=order.value.lower(),
            engaged=order.engaged,
            reason=order.reason,
            changed_at=database.now(),
            changed_by=by.name,
        )
        async with database.transaction() as tx:
            if order.mails is not None and not order.engaged:
                await require_seen_behind_brake(tx, brake.scope, brake.value, seen=order.mails)
            return _brakes_view(await set_brake(tx, brake))

    return router


def _brakes_view(brakes: Sequence[Brake]) -> Brakes:
    widest_first = list(BrakeScope)
    engaged = sorted((b for b in brakes if b.engaged), key=lambda brake: widest_first.index(brake.scope))
    return Brakes(
        engaged=bool(engaged),
        scope=engaged[0].scope if engaged else BrakeScope.ALL,
        value=engaged[0].value if engaged else "",
        reason=engaged[0].reason if engaged else "",
        brakes=[
            BrakeView(
                engaged=brake.engaged,
                scope=brake.scope,
                value=brake.value,
                reason=brake.reason,
                changed_at=brake.changed_at,
                changed_by=brake.changed_by,
            )
            for brake in brakes
        ],
    )
