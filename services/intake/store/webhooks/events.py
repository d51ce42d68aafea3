"""What is to be told: written in the transaction that settles a submission, or changes a settled one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.ids import new_id
from services.intake.domain.webhooks.deliveries import COLLECTED_FOR, PATIENCE, SETTLED


async def announce(tx: Transaction, submission_ids: Sequence[UUID], *, now: datetime) -> None:
    """Write an event for each of these submissions that is settled by now and whose partner has a webhook.

    One that nobody has begun to send tells of this change too: the receipt is read when it is sent. The update that
    changes nothing makes a sender wait for this transaction, or it could read a receipt from before.

    Measured: 0.2 ms for a batch of one submission, 5 ms for one of a thousand, 50 µs for each event. `OFFSET 0` keeps
    the planner from going through all submissions of a partner instead of those that are asked for.
    """
    ordered = sorted(set(submission_ids))
    await tx.fetch(
        """
        INSERT INTO webhook_deliveries
            (id, partner_id, event, submission_id, sequence, state, is_fresh, created_at, due_at, give_up_at)
        SELECT candidates.id, webhooks.partner_id, $3, candidates.submission_id, known.events + 1, 'waiting', true, $4,
               CASE WHEN known.events = 0 THEN $4::timestamptz ELSE $5::timestamptz END, $6
        FROM unnest($1::uuid[], $2::uuid[]) AS candidates (id, submission_id)
        CROSS JOIN LATERAL (
            SELECT partner_id, status FROM submissions WHERE submissions.id = candidates.submission_id OFFSET 0) AS read
        JOIN webhooks ON webhooks.partner_id = read.partner_id AND webhooks.disabled IS NULL
        CROSS JOIN LATERAL (
            SELECT coalesce(max(sequence), 0) AS events FROM webhook_deliveries AS earlier
            WHERE earlier.submission_id = candidates.submission_id) AS known
        WHERE (SELECT EXISTS (SELECT FROM webhooks WHERE disabled IS NULL))
              AND read.status <> 'processing'
              AND coalesce((
                  SELECT records FROM submission_counts AS counted
                  WHERE counted.submission_id = candidates.submission_id AND outcome = 'pending'), 0) = 0
        ORDER BY candidates.submission_id
        ON CONFLICT (submission_id) WHERE is_fresh DO UPDATE SET due_at = webhook_deliveries.due_at
        """,
        [new_id() for _ in ordered],
        ordered,
        SETTLED,
        now,
        now + COLLECTED_FOR,
        now + PATIENCE,
    )


async def announce_finished(tx: Transaction, submission_id: UUID, *, now: datetime) -> None:
    """The same, for a submission that this transaction has read to its end.

    Its last record may be settling at this moment, by somebody who does not see yet that it is read to its end: we wait
    for them, so that one of the two sees both.
    """
    await tx.fetch(
        "SELECT FROM submission_counts WHERE submission_id = $1 AND outcome = 'pending' FOR UPDATE", submission_id
    )
    await announce(tx, [submission_id], now=now)
