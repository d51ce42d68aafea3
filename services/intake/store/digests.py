"""Digests: whose is due, what there is to tell, and which periods are done."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.contracts import DigestDue, DigestReason
from libs.common.db import Transaction
from libs.common.ids import first_id_at
from services.intake.domain.digests.periods import Period
from services.intake.domain.digests.summing import REASONED, Outcomes

LONGEST_UPLOAD = timedelta(days=1)
"""A submission's id bears the time at which it began to come in, by the clock of the machine that it came to."""

KEPT_AT = "coalesce(kept_at, received_at)"
"""What a period holds is told by when it was kept: an upload may begin in one and end in the next. Rows of before there
was a `kept_at` have none."""

IN_EARNEST = "test_mails_to IS NULL"

MOST_SUBMISSIONS = 2000
MOST_RECORDS = 500_000
"""In one statement: those of larger submissions are counted in several."""

DUE = "SELECT slug AS id, digest_due_at AS since FROM partners WHERE enabled AND digest <> 'none'"
"""For the watch: periods that are over and not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A period that is done; `open_submissions` as it was told of them then."""

    since: datetime
    until: datetime
    made_at: datetime
    digest_id: UUID | None
    open_submissions: Mapping[UUID, Outcomes]


async def take_due(tx: Transaction, *, now: datetime, passed_over: Collection[UUID]) -> UUID | None:
    """A partner whose period is over, held until the transaction ends; another replica takes another one.

    Its key columns stay free: a submission that comes in meanwhile refers to them.
    """
    rows = await tx.fetch(
        """
        SELECT id FROM partners
        WHERE enabled AND digest <> 'none' AND digest_due_at <= $1 AND id <> ALL($2::uuid[])
        ORDER BY digest_due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        """,
        now,
        list(passed_over),
    )
    return rows[0]["id"] if rows else None


async def hold(tx: Transaction, partner_id: UUID) -> None:
    """Wait for whoever makes this partner's digest, and keep others from it."""
    await tx.fetch("SELECT FROM partners WHERE id = $1 FOR NO KEY UPDATE", partner_id)


async def all_kept(tx: Transaction) -> datetime:
    """The time now, once everything that is being kept is there to be read; what is kept later bears a later time.

    Whoever keeps something waits until this transaction ends.
    """
    await tx.fetch("SET LOCAL lock_timeout = '2s'")  # who waits for it holds up all that is kept meanwhile
    await tx.fetch("LOCK TABLE submissions IN SHARE MODE")
    rows = await tx.fetch("SELECT clock_timestamp() AS now")
    now: datetime = rows[0]["now"]
    return now


async def set_due(tx: Transaction, partner_id: UUID, *, due_at: datetime | None) -> None:
    await tx.fetch("UPDATE partners SET digest_due_at = $2 WHERE id = $1", partner_id, due_at)


async def last_done(tx: Transaction, partner_id: UUID) -> Done | None:
    rows = await tx.fetch("SELECT * FROM digests WHERE partner_id = $1 ORDER BY until DESC LIMIT 1", partner_id)
    return _done(rows[0]) if rows else None


async def record_done(
    tx: Transaction,
    partner_id: UUID,
    period: Period,
    *,
    digest: DigestDue | None,
    still_open: Mapping[UUID, Outcomes],
    now: datetime,
) -> bool:
    """False if the period was done before. What earlier digests left open is this one's affair from now on."""
    rows = await tx.fetch(
        """
        INSERT INTO digests (partner_id, until, since, made_at, digest_id, open_submissions)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING until
        """,
        partner_id,
        period.until,
        period.since,
        now,
        digest.digest_id if digest else None,
        msgspec.json.encode(still_open).decode(),
    )
    await tx.fetch(
        "UPDATE digests SET open_submissions = NULL WHERE partner_id = $1 AND until < $2 AND open_submissions <> ''",
        partner_id,
        period.until,
    )
    return bool(rows)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of a submission, up to `through` and after `after`."""

    submission_id: UUID
    after: int
    through: int


async def reasons_of(
    tx: Transaction, partner_id: UUID, period: Period, *, most_records: int = MOST_RECORDS
) -> list[DigestReason]:
    """Why the records of a period ended as they did, where that is told. Reads every record of those submissions."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    async for stretches in _stretches(tx, partner_id, period, most_records=most_records):
        for row in await _count_reasons(tx, stretches):
            counts[row["outcome"], row["reason"]] += row["records"]
    return [DigestReason(outcome=outcome, reason=reason, records=n) for (outcome, reason), n in counts.items()]


async def _count_reasons(tx: Transaction, stretches: list[Stretch]) -> list[Record]:
    return await tx.fetch(
        """
        SELECT outcome, coalesce(reason, outcome) AS reason, count(*) AS records
        FROM unnest($1::uuid[], $2::int[], $3::int[]) AS read (submission_id, after, through)
        CROSS JOIN LATERAL (
            SELECT outcome, reason FROM records
            WHERE records.submission_id = read.submission_id AND record > after AND record <= through) AS found
        WHERE outcome = ANY($4::text[]) GROUP BY 1, 2
        """,
        [each.submission_id for each in stretches],
        [each.after for each in stretches],
        [each.through for each in stretches],
        list(REASONED),
    )


async def _stretches(
    tx: Transaction, partner_id: UUID, period: Period, *, most_records: int
) -> AsyncIterator[list[Stretch]]:
    """The submissions of a period that have such records, cut into what a statement has time for."""
    after = first_id_at(period.since - LONGEST_UPLOAD)
    gathered: list[Stretch] = []
    while page := await _reasoned_submissions(tx, partner_id, period, after=after):
        for row in page:
            for first in range(0, row["stored_through"], most_records):
                gathered.append(Stretch(row["id"], first, min(first + most_records, row["stored_through"])))
                if sum(each.through - each.after for each in gathered) >= most_records:
                    yield gathered
                    gathered = []
        after = page[-1]["id"]
    if gathered:
        yield gathered


async def _reasoned_submissions(tx: Transaction, partner_id: UUID, period: Period, *, after: UUID) -> list[Record]:
    return await tx.fetch(
        f"""
        SELECT id, stored_through FROM submissions
        WHERE partner_id = $1 AND {IN_EARNEST} AND id > $2 AND {KEPT_AT} >= $3 AND {KEPT_AT} < $4
              AND EXISTS (SELECT FROM submission_counts AS counted WHERE counted.submission_id = submissions.id
                          AND outcome = ANY($5::text[]) AND records > 0)
        ORDER BY id LIMIT $6
        """,  # noqa: S608 - constants only
        partner_id,
        after,
        period.since,
        period.until,
        list(REASONED),
        MOST_SUBMISSIONS,
    )


def _done(row: Record) -> Done:
    return Done(
        since=row["since"],
        until=row["until"],
        made_at=row["made_at"],
        digest_id=row["digest_id"],
        open_submissions=msgspec.json.decode(row["open_submissions"] or "{}", type=dict[UUID, dict[str, int]]),
    )
