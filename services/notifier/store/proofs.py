"""Which assets count as an organisation's, as attribution tells it, and the targets that rest on one that does not."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from libs.common.contracts import AssetRegistered, RecipientsExhausted
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from services.notifier.domain.notification import State
from services.notifier.domain.proofs import Taken, Unproven, is_lost
from services.notifier.store.attributed import read_target
from services.notifier.store.withdrawals import MAY_HAVE_ARRIVED


async def record_words(tx: Transaction, events: Iterable[AssetRegistered]) -> None:
    """Keep the last word on each asset, whatever order they come in."""
    last = {event.key: event for event in sorted(events, key=lambda event: event.revision)}
    rows = [(key, event.is_registered, event.revision, event.at) for key, event in sorted(last.items())]
    await tx.fetch(
        """
        INSERT INTO registered_assets AS known (asset, is_registered, revision, at)
        SELECT * FROM unnest($1::text[], $2::bool[], $3::bigint[], $4::timestamptz[])
        ON CONFLICT (asset) DO UPDATE SET
            is_registered = excluded.is_registered, revision = excluded.revision, at = excluded.at
        WHERE known.revision < excluded.revision
        """,
        *map(list, zip(*rows, strict=True)),
    )


async def lost_among(tx: Transaction, assets: Collection[str]) -> dict[str, int]:
    """Those of these assets that do not count any more, with the revision of that word."""
    if not assets:
        return {}
    rows = await tx.fetch(
        "SELECT asset, revision FROM registered_assets WHERE asset = ANY($1::text[]) AND NOT is_registered",
        list(assets),
    )
    return {row["asset"]: row["revision"] for row in rows}


async def lock_mails_resting_on(tx: Transaction, assets: Collection[str]) -> list[UUID]:
    """The notifications that wait and carry a target that rests on any of these.

    Locked in the order in which `open_groups` locks, so that the two never wait for each other.
    """
    rows = await tx.fetch(
        """
        WITH resting AS MATERIALIZED (
            SELECT DISTINCT notification_id AS id FROM targets
            WHERE rests_on && $1::text[] AND notification_id IS NOT NULL
        )
        SELECT n.id FROM resting JOIN notifications n ON n.id = resting.id
        WHERE n.state IN ('planned', 'awaiting-approval', 'queued', 'deferred')
        ORDER BY n.recipient_key, n.incident, n.id FOR UPDATE OF n
        """,
        list(assets),
    )
    return [row["id"] for row in rows]


async def unproven_in(tx: Transaction, notification_ids: Sequence[UUID]) -> list[Unproven]:
    """The targets of these notifications that rest on what does not count any more."""
    lost = await lost_among(tx, await _assets_under(tx, notification_ids))
    if not lost:
        return []
    rows = await tx.fetch(
        f"""
        SELECT n.id AS notification_id, n.reference, n.state, n.settled, {MAY_HAVE_ARRIVED} AS may_have_arrived,
               t.left_out_at IS NOT NULL AS is_left_out, t.attributed
        FROM notifications n JOIN targets t ON t.notification_id = n.id
        WHERE n.id = ANY($1::uuid[]) AND t.rests_on && $2::text[]
        ORDER BY n.id, t.target_id
        """,  # noqa: S608 - constants only
        notification_ids,
        list(lost),
    )
    found = [_unproven(row) for row in rows]
    return [each for each in found if is_lost(each.target, lost)]


async def _assets_under(tx: Transaction, notification_ids: Sequence[UUID]) -> list[str]:
    """On which the targets of these notifications rest."""
    rows = await tx.fetch(
        """
        SELECT DISTINCT unnest(rests_on) AS asset FROM targets
        WHERE notification_id = ANY($1::uuid[]) AND rests_on IS NOT NULL
        """,
        notification_ids,
    )
    return [row["asset"] for row in rows]


async def take_out(tx: Transaction, taken: Sequence[Unproven], *, reason: str, now: datetime) -> None:
    """Take these targets out of their mails, which are locked: somebody else is to be found for them."""
    await tx.fetch(
        """
        UPDATE targets t
        SET notification_id = NULL, taken_from = given.notification_id, unproven_at = $4, reason = $3
        FROM unnest($1::uuid[], $2::uuid[]) AS given (target_id, notification_id)
        WHERE t.target_id = given.target_id AND t.notification_id = given.notification_id
        """,
        [each.target.target_id for each in taken],
        [each.notification_id for each in taken],
        reason,
        now,
    )


async def give_up(tx: Transaction, events: Sequence[RecipientsExhausted], *, now: datetime) -> list[Target]:
    """Mark that nobody else is known for these; answers those of which that was not said before."""
    rows = await tx.fetch(
        """
        UPDATE targets SET given_up_at = $2, exhausted_at = $2
        WHERE target_id = ANY($1::uuid[]) AND unproven_at IS NOT NULL AND given_up_at IS NULL RETURNING attributed
        """,
        [event.target_id for event in events],
        now,
    )
    return [read_target(row["attributed"]) for row in rows]


async def taken_from(tx: Transaction, notification_id: UUID) -> list[Taken]:
    """What was taken out of a notification, and to whom each went instead."""
    rows = await tx.fetch(
        """
        SELECT t.unproven_at, t.given_up_at, anew.reference, anew.recipient_key, anew.decided_at AS anew_at
        FROM targets t LEFT JOIN LATERAL (
            SELECT n.reference, n.recipient_key, c.decided_at
            FROM targets c JOIN notifications n ON n.id = coalesce(c.notification_id, c.taken_from)
            WHERE c.first_target_id = coalesce(t.first_target_id, t.target_id) AND c.decided_at > t.decided_at
            ORDER BY c.decided_at LIMIT 1
        ) AS anew ON true
        WHERE t.taken_from = $1 AND t.copy_of IS NULL ORDER BY t.unproven_at, t.target_id
        """,
        notification_id,
    )
    return [Taken(**dict(row)) for row in rows]


def _unproven(row: Record) -> Unproven:
    values = dict(row)
    target = read_target(values.pop("attributed"))
    return Unproven(**values | {"state": State(row["state"]), "target": target})
