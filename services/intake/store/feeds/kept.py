"""Feeds and their days. A list of columns is kept once for all days that had it, under its fingerprint."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from asyncpg import Record

from libs.common.db import Transaction
from libs.common.ids import new_id
from services.intake.domain.feeds.anomalies import Kind
from services.intake.domain.feeds.days import MAX_FEEDS_OF_PARTNER, Day, FeedKey, Span
from services.intake.domain.feeds.judging import Dismissal, Feed

Place = tuple[str, str, str]
"""Where a feed stands in the list: the partner's slug, the format, the report type."""

FIRST: Place = ("", "", "")

_SELECT = "SELECT feeds.*, partners.slug FROM feeds JOIN partners ON partners.id = feeds.partner_id"
_NO_COLUMNS = b""
_SEPARATOR = "\x1f"  # no name has a control character


async def ids_of(tx: Transaction, keys: Collection[FeedKey]) -> dict[FeedKey, UUID]:
    """Those of them that are there."""
    rows = await tx.fetch(
        """
        SELECT feeds.id, partner_id, format, report_type
        FROM feeds JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (partner_id, format, report_type)
        USING (partner_id, format, report_type)
        """,
        *_columns_of(keys),
    )
    return {FeedKey(row["partner_id"], row["format"], row["report_type"]): row["id"] for row in rows}


async def add(tx: Transaction, keys: Collection[FeedKey]) -> None:
    """Make feeds of those that are none yet, as far as each partner may have more."""
    await tx.fetch(
        """
        INSERT INTO feeds (id, partner_id, format, report_type)
        SELECT id, partner_id, format, report_type FROM (
            SELECT given.*, row_number() OVER (PARTITION BY partner_id ORDER BY format, report_type)
                   + (SELECT count(*) FROM feeds WHERE feeds.partner_id = given.partner_id) AS number
            FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) AS given (id, partner_id, format, report_type)
        ) AS numbered WHERE number <= $5
        ON CONFLICT DO NOTHING
        """,
        [new_id() for _ in keys],
        *_columns_of(keys),
        MAX_FEEDS_OF_PARTNER,
    )


def _columns_of(keys: Collection[FeedKey]) -> tuple[list[UUID], list[str], list[str]]:
    return [key.partner_id for key in keys], [key.format for key in keys], [key.report_type for key in keys]


async def days_at(tx: Transaction, places: Collection[tuple[UUID, date]]) -> dict[tuple[UUID, date], Day]:
    """Those of these days that are kept already."""
    rows = await tx.fetch(
        "SELECT feed_days.* FROM feed_days JOIN unnest($1::uuid[], $2::date[]) AS wanted (feed_id, day) "
        "USING (feed_id, day)",
        [feed_id for feed_id, _ in places],
        [day for _, day in places],
    )
    names = await _names(tx, {feed_id for feed_id, _ in places})
    return {(row["feed_id"], row["day"]): _day(row, names) for row in rows}


async def put_days(tx: Transaction, days: Mapping[tuple[UUID, date], Day]) -> None:
    """Keep days as they are now."""
    await _put_names(tx, days)
    rows = [_row(feed_id, day) for (feed_id, _), day in sorted(days.items(), key=lambda each: each[0])]
    await tx.fetch(
        """
        INSERT INTO feed_days (feed_id, day, first_at, last_at, hours, arrivals, accepted, rejected, columns,
                               first_refused_at, last_refused_at, refusals, refusal, refused_columns)
        SELECT * FROM unnest($1::uuid[], $2::date[], $3::timestamptz[], $4::timestamptz[], $5::int[], $6::bigint[],
                             $7::bigint[], $8::bigint[], $9::bytea[], $10::timestamptz[], $11::timestamptz[],
                             $12::bigint[], $13::text[], $14::bytea[])
        ON CONFLICT (feed_id, day) DO UPDATE SET
            first_at = excluded.first_at, last_at = excluded.last_at, hours = excluded.hours,
            arrivals = excluded.arrivals, accepted = excluded.accepted, rejected = excluded.rejected,
            columns = excluded.columns, first_refused_at = excluded.first_refused_at,
            last_refused_at = excluded.last_refused_at, refusals = excluded.refusals, refusal = excluded.refusal,
            refused_columns = excluded.refused_columns
        """,
        *map(list, zip(*rows, strict=True)),
    )


def _row(feed_id: UUID, day: Day) -> tuple[object, ...]:
    came, refused = day.came, day.refused
    return (
        feed_id,
        day.day,
        came.first if came else None,
        came.last if came else None,
        day.hours,
        day.arrivals,
        day.accepted,
        day.rejected,
        fingerprint(day.columns),
        refused.first if refused else None,
        refused.last if refused else None,
        day.refusals,
        day.refusal,
        fingerprint(day.refused_columns),
    )


def fingerprint(names: Collection[str]) -> bytes:
    """The same for the same names in any order."""
    return hashlib.sha256(_SEPARATOR.join(sorted(names)).encode()).digest()[:16] if names else _NO_COLUMNS


async def _put_names(tx: Transaction, days: Mapping[tuple[UUID, date], Day]) -> None:
    lists = {
        (feed_id, fingerprint(names)): names
        for (feed_id, _), day in days.items()
        for names in (day.columns, day.refused_columns)
        if names
    }
    await tx.fetch(
        """
        INSERT INTO feed_columns (feed_id, fingerprint, names)
        SELECT feed_id, fingerprint, string_to_array(joined, $4)
        FROM unnest($1::uuid[], $2::bytea[], $3::text[]) AS given (feed_id, fingerprint, joined)
        ON CONFLICT DO NOTHING
        """,
        [feed_id for feed_id, _ in lists],
        [mark for _, mark in lists],
        [_SEPARATOR.join(sorted(names)) for names in lists.values()],
        _SEPARATOR,
    )


async def feeds_after(tx: Transaction, after: Place, *, partner_id: UUID | None, limit: int, days: int) -> list[Feed]:
    """In the order of their places, each with its newest days."""
    rows = await tx.fetch(
        f"""{_SELECT}
        WHERE (partners.slug, feeds.format, feeds.report_type) > ($1, $2, $3)
              AND ($4::uuid IS NULL OR feeds.partner_id = $4)
        ORDER BY partners.slug, feeds.format, feeds.report_type LIMIT $5""",
        *after,
        partner_id,
        limit,
    )
    return await _feeds(tx, rows, days=days)


async def feed(tx: Transaction, feed_id: UUID, *, partner_id: UUID | None, days: int) -> Feed | None:
    """With `partner_id`, only if it is theirs."""
    rows = await tx.fetch(
        f"{_SELECT} WHERE feeds.id = $1 AND ($2::uuid IS NULL OR feeds.partner_id = $2)", feed_id, partner_id
    )
    found = await _feeds(tx, rows, days=days)
    return found[0] if found else None


async def columns_of(tx: Transaction, key: FeedKey) -> frozenset[str] | None:
    """The columns of the newest day on which something was taken; None where there is no such feed."""
    rows = await tx.fetch(
        """
        SELECT coalesce(feed_columns.names, '{}') AS names FROM feeds
        LEFT JOIN LATERAL (
            SELECT columns FROM feed_days WHERE feed_id = feeds.id AND last_at IS NOT NULL ORDER BY day DESC LIMIT 1
        ) AS newest ON true
        LEFT JOIN feed_columns ON feed_columns.feed_id = feeds.id AND fingerprint = newest.columns
        WHERE partner_id = $1 AND format = $2 AND report_type = $3
        """,
        *key,
    )
    return frozenset(rows[0]["names"]) if rows else None


async def expect(tx: Transaction, feed_id: UUID, interval: timedelta | None) -> None:
    await tx.fetch("UPDATE feeds SET expected_interval = $2 WHERE id = $1", feed_id, interval)


async def dismiss(tx: Transaction, feed_id: UUID, kinds: Sequence[Kind], dismissal: Dismissal) -> None:
    """The newest dismissal of a kind stands in for the ones before."""
    await tx.fetch(
        """
        INSERT INTO feed_dismissals (feed_id, kind, at, by, reason)
        SELECT $1, kind, $3, $4, $5 FROM unnest($2::text[]) AS kind
        ON CONFLICT (feed_id, kind) DO UPDATE SET at = excluded.at, by = excluded.by, reason = excluded.reason
        """,
        feed_id,
        [kind.value for kind in kinds],
        dismissal.at,
        dismissal.by,
        dismissal.reason,
    )


async def forget(tx: Transaction, *, before: date) -> None:
    """Drop older days, feeds that have none left, and lists of columns that no day has."""
    await tx.fetch("DELETE FROM feed_days WHERE day < $1", before)
    await tx.fetch("DELETE FROM feeds WHERE NOT EXISTS (SELECT FROM feed_days WHERE feed_id = feeds.id)")
    await tx.fetch(
        """
        DELETE FROM feed_columns WHERE NOT EXISTS (
            SELECT FROM feed_days WHERE feed_days.feed_id = feed_columns.feed_id
            AND feed_columns.fingerprint IN (feed_days.columns, feed_days.refused_columns))
        """
    )


async def _feeds(tx: Transaction, rows: Sequence[Record], *, days: int) -> list[Feed]:
    ids = [row["id"] for row in rows]
    names = await _names(tx, ids)
    kept: dict[UUID, list[Day]] = defaultdict(list)
    for row in await tx.fetch(
        """
        SELECT newest.* FROM unnest($1::uuid[]) AS wanted (id)
        CROSS JOIN LATERAL (SELECT * FROM feed_days WHERE feed_id = wanted.id ORDER BY day DESC LIMIT $2) AS newest
        ORDER BY newest.day
        """,
        ids,
        days,
    ):
        kept[row["feed_id"]].append(_day(row, names))
    dismissals = await _dismissals(tx, ids)
    return [
        Feed(
            id=row["id"],
            partner_id=row["partner_id"],
            partner=row["slug"],
            format=row["format"],
            report_type=row["report_type"],
            expected=row["expected_interval"],
            dismissals=dismissals[row["id"]],
            days=kept[row["id"]],
        )
        for row in rows
    ]


async def _names(tx: Transaction, feed_ids: Collection[UUID]) -> dict[tuple[UUID, bytes], frozenset[str]]:
    rows = await tx.fetch("SELECT * FROM feed_columns WHERE feed_id = ANY($1::uuid[])", list(feed_ids))
    return {(row["feed_id"], row["fingerprint"]): frozenset(row["names"]) for row in rows}


async def _dismissals(tx: Transaction, feed_ids: Collection[UUID]) -> Mapping[UUID, Mapping[Kind, Dismissal]]:
    found: dict[UUID, dict[Kind, Dismissal]] = defaultdict(dict)
    for row in await tx.fetch("SELECT * FROM feed_dismissals WHERE feed_id = ANY($1::uuid[])", list(feed_ids)):
        found[row["feed_id"]][Kind(row["kind"])] = Dismissal(row["at"], row["by"], row["reason"])
    return found


def _day(row: Record, names: Mapping[tuple[UUID, bytes], frozenset[str]]) -> Day:
    return Day(
        day=row["day"],
        came=Span(row["first_at"], row["last_at"]) if row["first_at"] else None,
        hours=row["hours"],
        arrivals=row["arrivals"],
        accepted=row["accepted"],
        rejected=row["rejected"],
        columns=names.get((row["feed_id"], row["columns"]), frozenset()),
        refused=Span(row["first_refused_at"], row["last_refused_at"]) if row["first_refused_at"] else None,
        refusals=row["refusals"],
        refusal=row["refusal"],
        refused_columns=names.get((row["feed_id"], row["refused_columns"]), frozenset()),
    )
