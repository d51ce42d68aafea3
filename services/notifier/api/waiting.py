"""`/v1/waiting`: how many mails wait, and deciding on all of them at once."""

from enum import StrEnum
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, model_validator

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.problems import FieldError, Problem
from libs.common.security import Operator, Role, operator
from services.notifier.api.brake_decisions import DecisionView, decision_view
from services.notifier.api.holds import AmountView, SeenOrder, amount_view
from services.notifier.domain.brakes.decisions import Action
from services.notifier.domain.notification import BrakeScope, State
from services.notifier.handlers.holding import amounts_within, order_in_bulk

Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]


class BulkCommand(StrEnum):
    APPROVE = "approve"
    CANCEL = "cancel"


ACTIONS = {BulkCommand.APPROVE: Action.APPROVED, BulkCommand.CANCEL: Action.CANCELLED}


class BulkOrder(SeenOrder):
    scope: BrakeScope = BrakeScope.ALL
    value: str = Field("", max_length=253, description="Which incident, partner or domain; empty with the scope `all`")

    @model_validator(mode="after")
    def _names_what_it_is_about(self) -> Self:
        if (self.scope is BrakeScope.ALL) == bool(self.value):
            raise ValueError("`value` names the incident, partner or domain, and is empty with the scope `all`")
        return self


class WaitingView(BaseModel):
    """By state: `planned` ones are still being gathered, `awaiting-approval` ones wait for a person each."""

    scope: BrakeScope
    value: str
    states: dict[State, AmountView]


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/waiting", tags=["brake"])

    @router.get("", dependencies=[Depends(operator(at_least=Role.VIEWER))])
    async def read_waiting(
        scope: BrakeScope = BrakeScope.ALL,
        value: Annotated[str, Query(max_length=253, description="Which incident, partner or domain")] = "",
    ) -> WaitingView:
        """How many mails have not gone out, and to whom they are: what a release, or a bulk order, would be about."""
        if (scope is BrakeScope.ALL) == bool(value):
            error = FieldError("query.value", "invalid-value", "it names what the scope says, and nothing with `all`")
            raise Problem(422, "not-valid", "Not valid", errors=[error])
        async with database.transaction() as tx:
            found = await amounts_within(tx, scope, value.lower())
        return WaitingView(
            scope=scope, value=value, states={state: amount_view(amount) for state, amount in found.items()}
        )

    @router.post("/{command}", status_code=202, responses=refusals(409))
    async def order(command: BulkCommand, by: Approver, order: BulkOrder) -> DecisionView:
        """Approve all that waits for a person, or take back all that has not gone out; it is done within seconds."""
        async with database.transaction() as tx:
            decision = await order_in_bulk(
                tx,
                ACTIONS[command],
                order.scope,
                order.value.lower(),
                seen=order.mails,
                by=by.name,
                note=order.note,
                now=database.now(),
            )
        return decision_view(decision)

    return router
