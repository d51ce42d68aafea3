"""Threats that were withdrawn: remembered, found in mails, and taken out of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.contracts import ThreatWithdrawn
from libs.common.db import Transaction
from services.notifier.domain.notification import State
from services.notifier.domain.withdrawal import Withdrawn
from services.notifier.store.attributed import read_target

LOCK = 7_310_553
"""Advisory lock: many plan at once, or one withdraws. So each target is found in its mail, or finds its withdrawal."""

MAY_HAVE_ARRIVED = """
    EXISTS (SELECT FROM attempts a WHERE a.notification_id = n.id AND a.result IN ('sent', 'in-doubt'))
"""
"""Whether the relay has taken a copy of `n`, or perhaps has: whatever was ordered of it afterwards."""


async def wait_for_withdrawals(tx: Transaction) -> None:
    """Until those that are being carried out are; until this transaction ends no other one begins."""
    await tx.fetch("SELECT pg_advisory_xact_lock_shared($1)", LOCK)


async def wait_for_planning(tx: Transaction) -> None:
    """Until the targets that are being planned are; until this transaction ends no other ones are."""
    await tx.fetch("SELECT pg_advisory_xact_lock($1)", LOCK)


async def withdrawn_until(tx: Transaction, threat_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Of these threats those that were withdrawn, and until when what had been received of them is void."""
    rows = await tx.fetch(
        "SELECT threat_id, max(at) AS at FROM withdrawals WHERE threat_id = ANY($1::uuid[]) GROUP BY threat_id",
        list(threat_ids),
    )
    return {row["threat_id"]: row["at"] for row in rows}


async def record_withdrawals(tx: Transaction, events: Iterable[ThreatWithdrawn]) -> None:
    """Keep each once; what is there already stays as it is."""
    rows = [
        (event.threat_id, event.withdrawal_id, event.reason, event.corrects, event.by, event.at) for event in events
    ]
    await tx.fetch(
        """
        INSERT INTO withdrawals (threat_id, withdrawal_id, reason, corrects, by, at)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bool[], $5::text[], $6::timestamptz[])
        ON CONFLICT DO NOTHING
        """,
        *map(list, zip(*rows, strict=True)),
    )


async def lock_mails_about(tx: Transaction, threat_ids: Collection[UUID]) -> list[UUID]:
    """The notifications that carry any of these threats, locked with their corrections that others can join.

    In the order in which `open_groups` locks, so that the two never wait for each other.
    """
    rows = await tx.fetch(
        """
        WITH about AS MATERIALIZED (
            SELECT DISTINCT targets.notification_id AS id FROM unnest($1::uuid[]) AS asked (threat_id)
            CROSS JOIN LATERAL (
                SELECT notification_id FROM targets
                WHERE threat_id = asked.threat_id AND notification_id IS NOT NULL OFFSET 0
            ) AS targets
        ), wanted AS MATERIALIZED (
            SELECT id FROM about UNION ALL
            SELECT c.id FROM about JOIN notifications c ON c.corrects = about.id
            WHERE c.state = 'planned' AND c.kind = 'correction'
        )
        SELECT n.id, n.kind FROM wanted JOIN notifications n ON n.id = wanted.id
        ORDER BY n.recipient_key, n.incident, n.id FOR UPDATE OF n
        """,
        list(threat_ids),
    )
    return [row["id"] for row in rows if row["kind"] == "warning"]


async def withdrawn_in(tx: Transaction, notification_ids: Sequence[UUID]) -> list[Withdrawn]:
    """The withdrawn targets of these notifications. While nothing was ever withdrawn, nothing is looked at."""
    rows = await tx.fetch(
        f"""
        SELECT n.id AS notification_id, n.state, n.settled, {MAY_HAVE_ARRIVED} AS may_have_arrived,
               t.left_out_at IS NOT NULL AS is_left_out, t.attributed, said.corrects, said.withdrawal_id, said.by,
               EXISTS (
                   SELECT FROM corrections c WHERE c.original_id = n.id AND c.threat_id = t.threat_id
               ) AS is_corrected
        FROM notifications n JOIN targets t ON t.notification_id = n.id
        CROSS JOIN LATERAL (
            SELECT w.corrects, w.withdrawal_id, w.by FROM withdrawals w
            WHERE w.threat_id = t.threat_id
              AND w.at >= (convert_from(t.attributed, 'UTF8')::json ->> 'received_at')::timestamptz
            ORDER BY w.corrects DESC, w.at, w.withdrawal_id LIMIT 1
        ) AS said
        WHERE n.id = ANY($1::uuid[]) AND EXISTS (SELECT FROM withdrawals)
        ORDER BY n.id, t.target_id
        """,  # noqa: S608 - constants only
        notification_ids,
    )
    return [_withdrawn(row) for row in rows]


async def take_out(
    tx: Transaction, given: Mapping[UUID, UUID], *, reason: str, message: str, now: datetime
) -> set[UUID]:
    """Take these targets out of the notifications that carry them: as if they had been suppressed at once."""
    rows = await tx.fetch(
        """
        UPDATE targets t SET notification_id = NULL, reason = $3, message = $4, decided_at = $5
        FROM unnest($1::uuid[], $2::uuid[]) AS given (target_id, notification_id)
        WHERE t.target_id = given.target_id AND t.notification_id = given.notification_id RETURNING t.target_id
        """,
        list(given),
        list(given.values()),
        reason,
        message,
        now,
    )
    return {row["target_id"] for row in rows}


async def leave_out(tx: Transaction, target_ids: Collection[UUID], *, now: datetime) -> None:
    """These are in no further copy of their mail; what was said of them stands."""
    await tx.fetch("UPDATE targets SET left_out_at = $2 WHERE target_id = ANY($1::uuid[])", list(target_ids), now)


def _withdrawn(row: Record) -> Withdrawn:
    values = dict(row)
    target = read_target(values.pop("attributed"))
    return Withdrawn(**values | {"state": State(row["state"]), "target": target})
