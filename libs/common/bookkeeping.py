"""Every service's own books: where the records of each submission are, and how many mails left on each day.

Counting costs the flow nothing: ids of records sort by submission (libs/common/ids.py), so the rows of a submission are
a range of the primary key that every table of records has anyway.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.common.books import SubmissionCounts, Waiting
from libs.common.db import Database, Transaction
from libs.common.ids import MILLISECONDS
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Role, operator

SLICE_ROWS = 100_000
"""Rows counted by one statement: a second at most, so that no submission is too large for a statement's time."""

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTable:
    """Where a service keeps a row for each record that it has heard of.

    `grouped` counts the rows with a key above $1 up to $2, of submissions above $3 up to $4. Its columns:
    submission_id, outcome (null: none was said), state (of those that wait: not null), records, since.
    """

    name: str
    key: str
    grouped: str


async def counts_between(
    tx: Transaction, table: RecordTable, *, after: UUID, through: UUID, limit: int
) -> list[SubmissionCounts]:
    """Of the submissions above `after` up to `through`, in the order of their ids; no more than `limit`.

    Submissions of one millisecond may be mixed in the order of the keys, so only what is left behind is complete.
    """
    rows: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
    complete: list[UUID] = []
    place, end = UUID(int=after.int & MILLISECONDS), UUID(int=through.int | ~MILLISECONDS & LAST.int)
    while place < end and len(complete) < limit:
        slice_end = await _slice_end(tx, table, place, end)
        for row in await tx.fetch(table.grouped, place, slice_end, after, through):
            rows[row["submission_id"]].append(row)
        place = slice_end
        complete = sorted(each for each in rows if place == end or each.int < place.int & MILLISECONDS)
    return [_counts(submission_id, rows[submission_id]) for submission_id in complete[:limit]]


async def _slice_end(tx: Transaction, table: RecordTable, place: UUID, end: UUID) -> UUID:
    rows = await tx.fetch(
        f"""SELECT {table.key} AS key FROM {table.name} WHERE {table.key} > $1 AND {table.key} <= $2
            ORDER BY {table.key} OFFSET {SLICE_ROWS - 1} LIMIT 1""",  # noqa: S608 - constants only
        place,
        end,
    )
    return rows[0]["key"] if rows else end


def _counts(submission_id: UUID, rows: Iterable[asyncpg.Record]) -> SubmissionCounts:
    passed_on = 0
    ended: dict[str, int] = defaultdict(int)
    waiting: dict[str, Waiting] = {}
    for row in rows:
        if row["outcome"] is not None:
            ended[row["outcome"]] += row["records"]
        elif row["state"] is not None:
            waiting[row["state"]] = _longer(waiting.get(row["state"]), row)
        else:
            passed_on += row["records"]
    return SubmissionCounts(
        submission_id=submission_id, passed_on=passed_on, ended=dict(ended), waiting=tuple(waiting.values())
    )


def _longer(known: Waiting | None, row: asyncpg.Record) -> Waiting:
    """What waits in one state, over two slices."""
    found = Waiting(row["state"], row["records"], row["since"])
    return (
        found if known is None else Waiting(found.state, known.records + found.records, min(known.since, found.since))
    )


class WaitingView(BaseModel):
    """Records that wait, and since when the first of them does."""

    state: str
    records: int
    since: datetime


class CountsView(BaseModel):
    """One submission in this service's books; `heard` is the sum of the rest."""

    submission_id: UUID
    heard: int
    passed_on: int = Field(description="Records that the next service has to know")
    ended: dict[str, int] = Field(description="Records whose outcome was said here, by outcome")
    waiting: list[WaitingView] = Field(description="Records of which nothing was said yet")


class SentView(BaseModel):
    """One day (UTC), and the notifications that a relay took on it for the first time."""

    day: date
    sent: int


def counts_routes(database: Database, table: RecordTable) -> APIRouter:
    """`GET /v1/counts`, for the reconciliation."""
    router = APIRouter(prefix="/v1/counts", tags=["books"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("")
    async def count_records(
        after: Annotated[UUID, Query(description="Submissions above this id")] = FIRST,
        through: Annotated[UUID, Query(description="Up to this one, itself included")] = LAST,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[CountsView]:
        """Where the records of submissions are, in the order of the submissions' ids."""
        place = read_cursor(cursor, tuple[UUID])[0] if cursor else after
        async with database.transaction() as tx:
            found = await counts_between(tx, table, after=place, through=through, limit=limit + 1)
        following = encode_cursor(found[limit - 1].submission_id) if len(found) > limit else None
        return Page(items=[_counts_view(each) for each in found[:limit]], next=following)

    return router


def sent_routes(database: Database, by_day: str) -> APIRouter:
    """`GET /v1/sent`, for the reconciliation. `by_day` counts what was sent since $1 by `day`, as `sent`."""
    router = APIRouter(prefix="/v1/sent", tags=["books"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("")
    async def count_sent(
        since: Annotated[date, Query(description="The first day to count")] = date.min,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[SentView]:
        """Notifications that have left, by day, as this service knows of them."""
        first = read_cursor(cursor, tuple[date])[0] if cursor else since
        async with database.transaction() as tx:
            rows = await tx.fetch(f"{by_day} ORDER BY day LIMIT $2", datetime.combine(first, time.min, UTC), limit + 1)
        following = encode_cursor(rows[limit]["day"]) if len(rows) > limit else None
        return Page(items=[SentView(**dict(row)) for row in rows[:limit]], next=following)

    return router


def _counts_view(counts: SubmissionCounts) -> CountsView:
    return CountsView(
        submission_id=counts.submission_id,
        heard=counts.heard,
        passed_on=counts.passed_on,
        ended=dict(counts.ended),
        waiting=[WaitingView(state=each.state, records=each.records, since=each.since) for each in counts.waiting],
    )
