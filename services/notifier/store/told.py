"""What recipients were told of threats."""

from collections.abc import Collection

from asyncpg import Record

from libs.common.db import Transaction
from services.notifier.domain.amount.repeats import Told
from services.notifier.domain.notification import URGENCY
from services.notifier.domain.planning import Warned


async def told_of(tx: Transaction, threat_ids: Collection[object]) -> dict[Warned, Told]:
    """What each recipient was told of these threats, or is about to be.

    In two steps, the threats first: PostgreSQL may not begin with the recipients. And one threat at a time: for all at
    once it read the whole table while it had no statistics, as in the first minutes of a large feed.
    """
    rows = await tx.fetch(
        """
        WITH told AS MATERIALIZED (
            SELECT targets.* FROM unnest($1::uuid[]) AS asked (threat_id)
            CROSS JOIN LATERAL (
                SELECT threat_id, notification_id, fixed_at, copy_of, attributed FROM targets
                WHERE threat_id = asked.threat_id AND left_out_at IS NULL AND notification_id IS NOT NULL OFFSET 0
            ) AS targets
        ), mailed AS (
            SELECT n.id, n.recipient_key, told.threat_id, n.state, n.sent_at, told.fixed_at, told.copy_of,
                   coalesce(n.queued_at, n.created_at) AS at, wrong.is_corrected,
                   told.fixed_at IS NULL AND NOT wrong.is_corrected AS counts,
                   array_position($2::text[], convert_from(told.attributed, 'UTF8')::json ->> 'severity') AS place
            FROM told JOIN notifications n ON n.id = told.notification_id
            CROSS JOIN LATERAL (
                SELECT EXISTS (
                    SELECT FROM corrections c WHERE c.original_id = n.id AND c.threat_id = told.threat_id
                ) AS is_corrected
            ) AS wrong
            WHERE n.state NOT IN ('failed', 'cancelled', 'rehearsed', 'bounced')
        )
        SELECT recipient_key, threat_id, (array_agg(id ORDER BY at, id))[1] AS first, min(at) AS first_at,
               count(DISTINCT id) FILTER (WHERE counts) AS mails, min(place) FILTER (WHERE counts) AS place,
               coalesce(max(at) FILTER (WHERE counts), max(at)) AS last_at,
               coalesce(bool_or(sent_at IS NULL) FILTER (WHERE counts), false) AS is_waiting,
               (array_agg(id ORDER BY at, id) FILTER (WHERE counts AND state = 'planned'))[1] AS open,
               bool_or(fixed_at IS NOT NULL AND NOT is_corrected) AS was_fixed,
               coalesce(bool_and(copy_of IS NOT NULL) FILTER (WHERE counts), false) AS by_copies_alone
        FROM mailed GROUP BY recipient_key, threat_id
        """,
        list(threat_ids),
        list(URGENCY),
    )
    return {Warned(row["recipient_key"], row["threat_id"]): _told(row) for row in rows}


def _told(row: Record) -> Told:
    return Told(
        first=row["first"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        mails=row["mails"],
        severity=URGENCY[(row["place"] or len(URGENCY)) - 1],
        is_waiting=row["is_waiting"],
        open=row["open"],
        was_fixed=row["was_fixed"],
        by_copies_alone=row["by_copies_alone"],
    )
