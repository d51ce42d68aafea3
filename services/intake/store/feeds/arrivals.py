"""What came, on its way into the days of its feed. One fold at a time, and nobody who pushes waits for it."""

from asyncpg import Record

from libs.common.db import Transaction
from services.intake.domain.feeds.days import Arrival, Day, FeedKey, Span

FOLD_LOCK = 4_867_370
"""Advisory lock of the replica that folds."""


async def add(tx: Transaction, arrival: Arrival) -> None:
    """Note a push. The sums are made later: this touches no row that another push touches."""
    await tx.fetch(
        """
        INSERT INTO feed_arrivals (id, partner_id, format, report_type, at, accepted, rejected, columns, refused)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        arrival.id,
        *arrival.feed,
        arrival.at,
        arrival.accepted,
        arrival.rejected,
        list(arrival.columns),
        arrival.refused,
    )


async def lead(tx: Transaction) -> bool:
    """Whether nobody else folds; we do then, until the transaction ends."""
    rows = await tx.fetch("SELECT pg_try_advisory_xact_lock($1) AS is_ours", FOLD_LOCK)
    is_ours: bool = rows[0]["is_ours"]
    return is_ours


async def take(tx: Transaction, *, at_most: int) -> list[tuple[FeedKey, Day]]:
    """Take so many pushes away, as days: one for all those that had the same columns and were all taken, or refused."""
    rows = await tx.fetch(
        """
        WITH taken AS (
            DELETE FROM feed_arrivals WHERE id IN (SELECT id FROM feed_arrivals ORDER BY id LIMIT $1) RETURNING *)
        SELECT partner_id, format, report_type, (at AT TIME ZONE 'UTC')::date AS day, columns, refused,
               min(at) AS first_at, max(at) AS last_at, count(*) AS pushes,
               bit_or(1 << extract(hour FROM at AT TIME ZONE 'UTC')::int) AS hours,
               sum(accepted)::bigint AS accepted, sum(rejected)::bigint AS rejected
        FROM taken GROUP BY partner_id, format, report_type, day, columns, refused
        """,
        at_most,
    )
    return [(FeedKey(row["partner_id"], row["format"], row["report_type"]), _day(row)) for row in rows]


def _day(row: Record) -> Day:
    span, columns = Span(row["first_at"], row["last_at"]), frozenset(row["columns"])
    if row["refused"] is not None:
        return Day(
            day=row["day"],
            refused=span,
            refusals=row["pushes"],
            refused_columns=columns,
            refusal=row["refused"],
        )
    return Day(
        day=row["day"],
        came=span,
        hours=row["hours"],
        arrivals=row["pushes"],
        accepted=row["accepted"],
        rejected=row["rejected"],
        columns=columns,
    )
