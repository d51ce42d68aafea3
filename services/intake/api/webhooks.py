"""`/v1/partners/me/webhook`: where a partner wants to be told that submissions are settled, instead of asking."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import FieldError, Problem, not_found
from libs.common.security import Role
from services.intake.api.doors import Doors, Self, SelfOrOperator
from services.intake.api.models import ReceiptView, receipt_view
from services.intake.domain.submissions import Receipt
from services.intake.domain.webhooks.deliveries import Delivery, State, Webhook
from services.intake.domain.webhooks.signatures import written_secret
from services.intake.domain.webhooks.targets import MAX_URL_CHARS, Refusal
from services.intake.handlers import webhooks
from services.intake.handlers.receipts import NEWEST
from services.intake.handlers.webhooks import Kept, Office

log = structlog.get_logger(__name__)


class WebhookBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=MAX_URL_CHARS, description="https://…, at a public address")


class WebhookChanges(BaseModel):
    model_config = ConfigDict(extra="forbid")

    enabled: Literal[False] = Field(description="Stop sending, and give up what waits. PUT the URL to begin again")


class WebhookView(BaseModel):
    url: str
    enabled: bool
    disabled: Literal["failing", "gone", "on-request"] | None = Field(description="Why nothing is sent")
    failing_since: datetime | None = Field(description="Every attempt since then has failed")
    succeeded_at: datetime | None
    previous_secret_until: datetime | None = Field(description="Until then the secret before this one signs too")
    created_at: datetime


class NewWebhookView(WebhookView):
    secret: str | None = Field(description="Shown this once, where it is new")


class DeliveryView(BaseModel):
    """One event, and how its last attempt went. Its `id` is the `webhook-id` of every attempt."""

    id: UUID
    event: Literal["submission.settled", "ping"]
    submission_id: UUID | None
    sequence: int
    state: State
    attempts: int
    status: int | None = Field(description="How the receiver answered the last attempt")
    error: str | None = Field(description="Why the last attempt failed; null if it did not")
    created_at: datetime
    attempted_at: datetime | None
    due_at: datetime | None = Field(description="When it is tried next; null when it is over")


class EventView(BaseModel):
    """The body of an event: the receipt as it was when this attempt was made."""

    type: Literal["submission.settled"]
    timestamp: datetime
    sequence: int
    data: ReceiptView


class PingData(BaseModel):
    partner_id: UUID


class PingView(BaseModel):
    type: Literal["ping"]
    timestamp: datetime
    data: PingData


def write_event(delivery: Delivery, receipt: Receipt | None) -> bytes:
    """What is sent and signed."""
    event: EventView | PingView
    if receipt is None:
        event = PingView(type="ping", timestamp=delivery.created_at, data=PingData(partner_id=delivery.partner_id))
    else:
        event = EventView(
            type="submission.settled",
            timestamp=delivery.created_at,
            sequence=delivery.sequence,
            data=receipt_view(receipt),
        )
    return event.model_dump_json().encode()


def routes(office: Office, doors: Doors) -> APIRouter:
    router = APIRouter(prefix="/v1/partners/{whose}/webhook", tags=["webhooks"])
    _add_webhook_routes(router, office, Depends(SelfOrOperator(doors, Role.AUDITOR)), _changing(doors))
    _add_trial_routes(router, office, _changing(doors))
    _add_delivery_routes(router, office, Depends(SelfOrOperator(doors, Role.AUDITOR)), _changing(doors))
    return router


def _changing(doors: Doors) -> object:
    return Depends(SelfOrOperator(doors, Role.ADMIN))


def _add_webhook_routes(router: APIRouter, office: Office, reading: object, changing: object) -> None:
    database = office.database

    @router.put("", responses={200: {"model": NewWebhookView}}, status_code=201)
    async def set_webhook(body: WebhookBody, response: Response, whose: Annotated[Self, changing]) -> NewWebhookView:
        """Set where it leads. The first time the answer has its secret; one that was disabled starts afresh."""
        kept = await webhooks.put(office, whose.partner_id, url=body.url)
        if kept is None:
            raise not_found("partner")
        if not isinstance(kept, Kept):
            raise _refused(kept)
        response.status_code = 201 if kept.secret else 200
        log.info("webhook set", partner=str(whose.partner_id), by=whose.by)
        return _new_view(kept)

    @router.get("")
    async def show_webhook(whose: Annotated[Self, reading]) -> WebhookView:
        """Where it leads, and whether anything is sent there."""
        async with database.transaction() as tx:
            return _view(await webhooks.webhook_of(tx, whose.partner_id))

    @router.patch("")
    async def disable_webhook(_: WebhookChanges, whose: Annotated[Self, changing]) -> WebhookView:
        """Nothing is sent any more, and what waited is given up."""
        async with database.transaction() as tx:
            webhook = await webhooks.disable(tx, whose.partner_id)
        log.info("webhook disabled", partner=str(whose.partner_id), by=whose.by)
        return _view(webhook)

    @router.delete("", status_code=204)
    async def remove_webhook(whose: Annotated[Self, changing]) -> None:
        """Its secrets go with it; what was sent stays in the list."""
        async with database.transaction() as tx:
            removed = await webhooks.remove(tx, whose.partner_id)
        if not removed:
            raise not_found("webhook")
        log.info("webhook removed", partner=str(whose.partner_id), by=whose.by)


def _add_trial_routes(router: APIRouter, office: Office, changing: object) -> None:
    @router.post("/secret")
    async def change_secret(whose: Annotated[Self, changing]) -> NewWebhookView:
        """A new secret. For a day every event bears two signatures, so that the receiver can be told in between."""
        async with office.database.transaction() as tx:
            kept = await webhooks.change_secret(tx, whose.partner_id, now=office.database.now())
        if kept is None:
            raise not_found("webhook")
        log.info("webhook's secret changed", partner=str(whose.partner_id), by=whose.by)
        return _new_view(kept)

    @router.post("/ping")
    async def ping(whose: Annotated[Self, changing]) -> DeliveryView:
        """Send an event `ping`, once, and answer with what came of it. Five at once, and one every ten seconds."""
        if wait_seconds := office.pings.take(whose.partner_id):
            headers = {"Retry-After": str(math.ceil(wait_seconds))}
            raise Problem(429, "too-many-requests", "Too many pings", "Come back later.", headers=headers)
        delivery = await webhooks.ping(office, whose.partner_id)
        if delivery is None:
            raise not_found("webhook")
        return _delivery_view(delivery)


def _add_delivery_routes(router: APIRouter, office: Office, reading: object, changing: object) -> None:
    database = office.database

    @router.get("/deliveries")
    async def list_deliveries(
        whose: Annotated[Self, reading],
        state: State | None = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[DeliveryView]:
        """The newest first."""
        before = read_cursor(cursor, tuple[UUID])[0] if cursor else NEWEST
        async with database.transaction() as tx:
            found = await webhooks.deliveries_before(tx, whose.partner_id, before, state=state, limit=limit + 1)
        following = encode_cursor(found[limit - 1].id) if len(found) > limit else None
        return Page(items=[_delivery_view(delivery) for delivery in found[:limit]], next=following)

    @router.post("/deliveries/{delivery_id}/resend", status_code=202, responses=refusals(409))
    async def resend(delivery_id: UUID, whose: Annotated[Self, changing]) -> DeliveryView:
        """Send an event that was delivered or given up once more, under its old id; one on its way stays as it is."""
        async with database.transaction() as tx:
            webhook = await webhooks.webhook_of(tx, whose.partner_id)
            if webhook is None or webhook.disabled:
                raise Problem(409, "webhook-disabled", "The webhook is disabled", "PUT its URL first, then send again.")
            delivery = await webhooks.send_again(tx, whose.partner_id, delivery_id, now=database.now())
        if delivery is None:
            raise not_found("delivery")
        return _delivery_view(delivery)


def _refused(refusals: Sequence[Refusal]) -> Problem:
    errors = [FieldError("body.url", refusal.code, refusal.message) for refusal in refusals]
    detail = f"{len(errors)} things are wrong." if len(errors) > 1 else errors[0].message
    return Problem(422, "webhook-refused", "The webhook can't lead there", detail, errors=errors)


def _view(webhook: Webhook | None) -> WebhookView:
    if webhook is None:
        raise not_found("webhook")
    return WebhookView(
        url=webhook.url,
        enabled=webhook.disabled is None,
        disabled=webhook.disabled.value if webhook.disabled else None,
        failing_since=webhook.failing_since,
        succeeded_at=webhook.succeeded_at,
        previous_secret_until=webhook.previous_secret_until,
        created_at=webhook.created_at,
    )


def _new_view(kept: Kept) -> NewWebhookView:
    secret = written_secret(kept.secret) if kept.secret else None
    return NewWebhookView(**_view(kept.webhook).model_dump(), secret=secret)


def _delivery_view(delivery: Delivery) -> DeliveryView:
    is_over = delivery.state in (State.DELIVERED, State.GIVEN_UP)
    return DeliveryView(
        id=delivery.id,
        event="ping" if delivery.submission_id is None else "submission.settled",
        submission_id=delivery.submission_id,
        sequence=delivery.sequence,
        state=delivery.state,
        attempts=delivery.attempts,
        status=delivery.status,
        error=delivery.error,
        created_at=delivery.created_at,
        attempted_at=delivery.attempted_at,
        due_at=None if is_over else delivery.due_at,
    )
