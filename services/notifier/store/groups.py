"""Notifications while targets join them: found, made, filled, and closed when they are due."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Recipient
from libs.common.db import Transaction
from libs.common.errors import Transient
from libs.common.vocabulary import Severity
from services.notifier.domain.amount.repeats import Reminder
from services.notifier.domain.grouping import Group, Joined, Pair, Share, Sum
from services.notifier.domain.notification import URGENCY, State
from services.notifier.domain.planning import domain_of

BETWEEN_PARTNERS = "\x1f"
"""Arrays of arrays can't be unnested row by row; the separator can't occur in a partner's name."""


OPEN = """
    SELECT n.id, n.recipient, n.recipient_confidence, n.incident, n.severity, n.confidence, n.partners,
           n.targets_total, n.due_at, n.continues, n.contact, n.settled, n.wait, n.reminder
    FROM notifications n
"""


async def open_groups(tx: Transaction, pairs: Collection[Pair], *, named: Collection[UUID] = ()) -> dict[Pair, Group]:
    """The open group of each of these recipients and incidents, if there is one, and those that are `named`; locked.

    The question names the expression that only the index of open groups is on: without statistics, as in the first
    minutes after a large feed, PostgreSQL took one on the incident, and read all open groups for each pair.

    Whoever waits for several of these locks takes them in the same order, so that no two wait for each other.
    """
    rows = await tx.fetch(
        f"""
        {OPEN}
        WHERE n.recipient_key || ' ' || n.incident = ANY($1::text[]) AND n.state = 'planned' AND n.kind = 'warning'
          AND n.continues IS NULL
        ORDER BY n.recipient_key, n.incident, n.id FOR UPDATE
        """,
        [f"{pair.recipient_key} {pair.incident}" for pair in pairs if pair.continues is None],
    )
    if continued := {pair.continues for pair in pairs if pair.continues is not None}:
        rows += await tx.fetch(
            f"""
            {OPEN} WHERE n.continues = ANY($1::uuid[]) AND n.state = 'planned'
            ORDER BY n.recipient_key, n.incident, n.id FOR UPDATE
            """,
            list(continued),
        )
    if others := set(named) - {row["id"] for row in rows}:
        rows += await tx.fetch(
            f"""
            {OPEN} WHERE n.id = ANY($1::uuid[]) AND n.state = 'planned' AND n.kind = 'warning'
            ORDER BY n.recipient_key, n.incident, n.id FOR UPDATE
            """,
            list(others),
        )
    groups = [
        Group(
            **dict(row)
            | {
                "recipient": msgspec.json.decode(row["recipient"], type=Recipient),
                "severity": Severity(row["severity"]),
                "partners": tuple(row["partners"]),
                "reminder": msgspec.json.decode(row["reminder"], type=Reminder) if row["reminder"] else None,
            }
        )
        for row in rows
    ]
    return {Pair(group.recipient.key, group.incident, group.continues): group for group in groups}


async def taken_references(tx: Transaction, references: Sequence[str]) -> frozenset[str]:
    """Those of these references that a notification has."""
    rows = await tx.fetch("SELECT reference FROM notifications WHERE reference = ANY($1::text[])", references)
    return frozenset(row["reference"] for row in rows)


async def record_groups(
    tx: Transaction, joined: Sequence[Joined], *, references: Mapping[UUID, str], now: datetime
) -> None:
    """Store what groups have become. Raises `Transient` if another replica has been there first: look again."""
    # An open group that is closed here makes room for the one that is opened after it.
    await _update_groups(tx, [item.group for item in joined if not item.is_new], now=now)
    await _insert_groups(tx, [item.group for item in joined if item.is_new], references=references, now=now)


async def _update_groups(tx: Transaction, groups: Sequence[Group], *, now: datetime) -> None:
    if not groups:
        return
    await tx.fetch(
        """
        UPDATE notifications n
        SET recipient = given.recipient, recipient_confidence = given.recipient_confidence, severity = given.severity,
            urgency = given.urgency, confidence = given.confidence,
            partners = string_to_array(given.partners, E'\\x1f'), targets_total = given.targets_total,
            due_at = given.due_at, state = given.state, queued_at = given.queued_at, next_attempt_at = given.queued_at,
            wait = given.wait, reminder = given.reminder, contact = given.contact, settled = given.settled
        FROM unnest($1::uuid[], $2::bytea[], $3::float8[], $4::text[], $5::smallint[], $6::float8[], $7::text[],
                    $8::int[], $9::timestamptz[], $10::text[], $11::timestamptz[], $12::text[], $13::bytea[],
                    $14::smallint[], $15::boolean[])
          AS given (id, recipient, recipient_confidence, severity, urgency, confidence, partners, targets_total, due_at,
                    state, queued_at, wait, reminder, contact, settled)
        WHERE n.id = given.id
        """,
        [group.id for group in groups],
        *_columns(groups, now),
        [group.contact for group in groups],
        [group.settled for group in groups],
    )


async def _insert_groups(
    tx: Transaction, groups: Sequence[Group], *, references: Mapping[UUID, str], now: datetime
) -> None:
    if not groups:
        return
    rows = await tx.fetch(
        """
        INSERT INTO notifications (id, reference, recipient_key, recipient_domain, incident, created_at, recipient,
                                   recipient_confidence, severity, urgency, confidence, partners, targets_total, due_at,
                                   state, queued_at, next_attempt_at, is_test, continues, contact, settled, wait,
                                   reminder, is_first_to_recipient)
        SELECT id, reference, recipient_key, recipient_domain, incident, $18, recipient, recipient_confidence, severity,
               urgency, confidence, string_to_array(partners, E'\\x1f'), targets_total, due_at, state, queued_at,
               queued_at, is_test, continues, contact, settled, wait, reminder,
               row_number() OVER (PARTITION BY recipient_key ORDER BY urgency, id) = 1
               AND (SELECT o.id FROM notifications o
                    WHERE o.recipient_key = given.recipient_key AND o.kind = 'warning'
                      AND o.state NOT IN ('failed', 'cancelled', 'rehearsed', 'bounced') LIMIT 1) IS NULL
        FROM unnest($1::uuid[], $2::bytea[], $3::float8[], $4::text[], $5::smallint[], $6::float8[], $7::text[],
                    $8::int[], $9::timestamptz[], $10::text[], $11::timestamptz[], $12::text[], $13::bytea[],
                    $14::text[], $15::text[], $16::text[], $17::text[], $19::boolean[], $20::uuid[], $21::smallint[],
                    $22::boolean[])
          AS given (id, recipient, recipient_confidence, severity, urgency, confidence, partners, targets_total, due_at,
                    state, queued_at, wait, reminder, reference, recipient_key, recipient_domain, incident, is_test,
                    continues, contact, settled)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        [group.id for group in groups],
        *_columns(groups, now),
        [references[group.id] for group in groups],
        [group.recipient.key for group in groups],
        [domain_of(group.recipient.key) for group in groups],
        [group.incident for group in groups],
        now,
        [group.recipient.test_of is not None for group in groups],
        [group.continues for group in groups],
        [group.contact for group in groups],
        [group.settled for group in groups],
    )
    if len(rows) < len(groups):
        raise Transient("another replica has made a notification of the same targets, or with the same reference")


def _columns(groups: Sequence[Group], now: datetime) -> tuple[list[object], ...]:
    """What both statements store, from `$2` on."""
    return (
        *_sizes(groups),
        [group.due_at for group in groups],
        [group.state for group in groups],
        [now if group.state is State.QUEUED else None for group in groups],
        [group.wait for group in groups],
        [msgspec.json.encode(group.reminder) if group.reminder else None for group in groups],
    )


def _sizes(groups: Sequence[Group] | Sequence[Sum]) -> tuple[list[object], ...]:
    """What their targets make of them."""
    return (
        [msgspec.json.encode(group.recipient) for group in groups],
        [group.recipient_confidence for group in groups],
        [group.severity for group in groups],
        [URGENCY.index(group.severity) for group in groups],
        [group.confidence for group in groups],
        [BETWEEN_PARTNERS.join(group.partners) for group in groups],
        [group.targets_total for group in groups],
    )


async def shares_left(tx: Transaction, notification_ids: Sequence[UUID]) -> dict[UUID, list[Share]]:
    """What each of these notifications still carries; one that carries nothing is not there."""
    rows = await tx.fetch(
        """
        SELECT notification_id, attributed FROM targets
        WHERE notification_id = ANY($1::uuid[]) AND left_out_at IS NULL
        """,
        notification_ids,
    )
    shares: dict[UUID, list[Share]] = defaultdict(list)
    for row in rows:
        shares[row["notification_id"]].append(_share.decode(row["attributed"]))
    return shares


async def shrink_groups(tx: Transaction, sums: Mapping[UUID, Sum]) -> None:
    """What is left of notifications, which are locked, after targets were taken out of them."""
    await tx.fetch(
        """
        UPDATE notifications n
        SET recipient = given.recipient, recipient_confidence = given.recipient_confidence, severity = given.severity,
            urgency = given.urgency, confidence = given.confidence,
            partners = string_to_array(given.partners, E'\\x1f'), targets_total = given.targets_total, is_held = false
        FROM unnest($1::uuid[], $2::bytea[], $3::float8[], $4::text[], $5::smallint[], $6::float8[], $7::text[],
                    $8::int[])
          AS given (id, recipient, recipient_confidence, severity, urgency, confidence, partners, targets_total)
        WHERE n.id = given.id
        """,
        list(sums),
        *_sizes(list(sums.values())),
    )


async def empty_groups(tx: Transaction, notification_ids: Collection[UUID]) -> None:
    """Nothing is left of these, which are locked."""
    await tx.fetch("UPDATE notifications SET targets_total = 0 WHERE id = ANY($1::uuid[])", list(notification_ids))


async def close_due_groups(tx: Transaction, *, now: datetime, approval_confidence: float, limit: int) -> list[State]:
    """Close up to `limit` groups that are due and whose incident is approved: into the queue, or to wait for a person.

    Answers the new state of each. Two planners take different ones. Nobody is asked about a test.
    """
    rows = await tx.fetch(
        """
        WITH due AS (
            SELECT n.id, n.confidence < $2 AND NOT n.is_test AS is_uncertain
            FROM notifications n JOIN incidents i ON i.slug = n.incident
            WHERE n.state = 'planned' AND n.kind = 'warning' AND n.due_at <= $1 AND i.state = 'approved'
            LIMIT $3 FOR UPDATE OF n SKIP LOCKED
        )
        UPDATE notifications n
        SET state = CASE WHEN is_uncertain THEN 'awaiting-approval' ELSE 'queued' END, wait = '',
            queued_at = CASE WHEN is_uncertain THEN NULL ELSE $1 END,
            next_attempt_at = CASE WHEN is_uncertain THEN NULL ELSE $1 END
        FROM due WHERE n.id = due.id RETURNING n.state
        """,
        now,
        approval_confidence,
        limit,
    )
    return [State(row["state"]) for row in rows]


_share = msgspec.json.Decoder(Share)
