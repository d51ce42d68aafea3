"""`/v1/notifications`: looking for them, looking at one, and telling it what to do."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.common.db import Database, Transaction
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, page_of, read_cursor
from libs.common.problems import not_found
from libs.common.security import Operator, Role, operator
from libs.common.vocabulary import NotificationKind
from services.notifier.api.views import NotificationDetail, NotificationSummary, detail_of, place_of, summary_of
from services.notifier.domain.notification import Command, State, Wanted
from services.notifier.handlers.commands import cannot_follow, command_notification
from services.notifier.handlers.continuing import ask_again
from services.notifier.handlers.looking import dossier_of, newest_notifications, notification_named

ANYONE = Depends(operator(at_least=Role.VIEWER))
Approver = Annotated[Operator, Depends(operator(at_least=Role.APPROVER))]


class Order(BaseModel):
    """Why; it is kept beside the decision."""

    note: str = Field("", max_length=500)


def routes(database: Database) -> APIRouter:
    router = APIRouter(prefix="/v1/notifications", tags=["notifications"])

    @router.get("", dependencies=[ANYONE])
    async def list_notifications(
        state: State | None = None,
        recipient: Annotated[str | None, Query(max_length=320, description="Mail address")] = None,
        incident: Annotated[str | None, Query(max_length=100)] = None,
        is_test: Annotated[bool | None, Query(alias="test", description="Only tests of partners, or none")] = None,
        kind: Annotated[NotificationKind | None, Query(description="Only warnings, or only corrections")] = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[NotificationSummary]:
        """Newest first."""
        key = recipient.lower() if recipient else None
        wanted = Wanted(state=state, recipient=key, incident=incident, is_test=is_test, kind=kind)
        async with database.transaction() as tx:
            return await _page_of_newest(tx, wanted, cursor=cursor, limit=limit)

    @router.get("/{name}", dependencies=[ANYONE])
    async def read_notification(name: str) -> NotificationDetail:
        """By id or by reference, however a person typed it."""
        async with database.transaction() as tx:
            notification = await notification_named(tx, name)
            if notification is None:
                raise not_found("notification")
            return detail_of(await dossier_of(tx, notification))

    @router.post("/{notification_id}/continue", responses=refusals(409))
    async def have_it_continued(notification_id: UUID, by: Approver, body: Order | None = None) -> NotificationDetail:
        """Ask attribution once more who else can be told of what could not be delivered: a contact was mended since.

        Whoever is found gets it under the same reference (`continues`). No outcome changes by it.
        """
        note = body.note if body else ""
        async with database.transaction() as tx:
            notification = await ask_again(tx, notification_id, note=note, by=by.name, now=database.now())
            return detail_of(await dossier_of(tx, notification))

    @router.post("/{notification_id}/{command}", responses=refusals(409))
    async def order(
        notification_id: UUID, command: Command, by: Approver, body: Order | None = None
    ) -> NotificationDetail:
        """Approve what waits for a person, cancel what has not gone out, or send again what has, or has failed."""
        note = body.note if body else ""
        async with database.transaction() as tx:
            try:
                notification = await command_notification(
                    tx, notification_id, command, note=note, by=by.name, now=database.now()
                )
            except LookupError as error:
                raise not_found("notification") from error
            if notification is None:
                raise cannot_follow(f"Its state does not allow `{command}`.")
            return detail_of(await dossier_of(tx, notification))

    return router


async def _page_of_newest(
    tx: Transaction, wanted: Wanted, *, cursor: str | None, limit: int
) -> Page[NotificationSummary]:
    before = read_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    found = await newest_notifications(tx, wanted, before=before, limit=limit + 1)
    return page_of(found, limit, view=summary_of, place=place_of)
