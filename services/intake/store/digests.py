"""Digests: whose is due, what there is to tell, and which periods are done."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from libs.common.contracts import DigestDue, DigestFormat, DigestReason, DigestSubmission
from libs.common.db import Transaction
from libs.common.ids import first_id_at
from services.intake.domain.digests.periods import Period
from services.intake.domain.digests.summing import OPEN, REASONED, Fates, Outcomes

LONGEST_UPLOAD = timedelta(days=1)
"""A submission's id bears the time at which it began to come in, by the clock of the machine that it came to."""

KEPT_AT = "coalesce(kept_at, received_at)"
"""What a period holds is told by when it was kept: an upload may begin in one and end in the next. Rows of before there
was a `kept_at` have none."""

MOST_SHOWN = 20
MOST_OPEN = 2000
MOST_SUBMISSIONS = 2000
MOST_RECORDS = 500_000
"""In one statement: those of larger submissions are counted in several."""

DUE = "SELECT slug AS id, digest_due_at AS since FROM partners WHERE enabled AND digest <> 'none'"
"""For the watch: periods that are over and not done."""

OUTCOMES = """
    coalesce((SELECT jsonb_object_agg(outcome, records) FROM submission_counts AS counted
              WHERE counted.submission_id = submissions.id AND records > 0), '{}') AS outcomes
"""

IN_EARNEST = "test_mails_to IS NULL"

# One statement, so that all is of one moment: what is told now as open is followed from this moment on.
FATES = f"""
    WITH read AS MATERIALIZED (
        SELECT id, received_at, status, format, report_type, file_name, true AS is_new, {OUTCOMES} FROM submissions
        WHERE partner_id = $1 AND {IN_EARNEST} AND id >= $2 AND {KEPT_AT} >= $3 AND {KEPT_AT} < $4
        UNION ALL
        SELECT id, received_at, status, format, report_type, file_name, false AS is_new, {OUTCOMES} FROM submissions
        WHERE partner_id = $1 AND id = ANY($5::uuid[]) AND {KEPT_AT} < $3
    ), shown AS (
        SELECT * FROM read WHERE is_new
        ORDER BY (status = 'failed') DESC, (outcomes ? 'rejected') DESC, id DESC LIMIT $6
    ), open AS (
        SELECT * FROM read WHERE status = 'processing' OR outcomes ?| $7::text[] ORDER BY id DESC LIMIT $8
    )
    SELECT 'format' AS kind, format, report_type, NULL::uuid AS id, NULL::timestamptz AS received_at,
           NULL AS status, NULL AS file_name, '{{}}' AS outcomes,
           count(*) AS submissions, count(*) FILTER (WHERE status = 'failed') AS failed
    FROM read WHERE is_new GROUP BY format, report_type
    UNION ALL
    SELECT 'outcomes', format, report_type, NULL, NULL, NULL, NULL,
           jsonb_build_object(each.key, sum(each.value::bigint)::bigint)::text, 0, 0
    FROM read CROSS JOIN LATERAL jsonb_each_text(outcomes) AS each WHERE is_new GROUP BY format, report_type, each.key
    UNION ALL
    (SELECT 'shown', format, report_type, id, received_at, status, file_name, outcomes::text, 0, 0 FROM shown
     ORDER BY (status = 'failed') DESC, (outcomes ? 'rejected') DESC, id DESC)
    UNION ALL
    SELECT 'open', NULL, NULL, id, received_at, NULL, NULL, outcomes::text, 0, 0 FROM open
    UNION ALL
    SELECT 'earlier', NULL, NULL, id, received_at, NULL, NULL, outcomes::text, 0, 0 FROM read WHERE NOT is_new
"""  # noqa: S608 - constants only


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


async def fates_of(tx: Transaction, partner_id: UUID, period: Period, *, told: Mapping[UUID, Outcomes]) -> Fates:
    """How the submissions of a period stand, and those earlier ones; all of it as it is at one moment."""
    rows = await tx.fetch(
        FATES,
        partner_id,
        first_id_at(period.since - LONGEST_UPLOAD),
        period.since,
        period.until,
        list(told),
        MOST_SHOWN,
        list(OPEN),
        MOST_OPEN,
    )
    by_kind: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    return Fates(
        formats=_formats(by_kind["format"], by_kind["outcomes"]),
        failed_submissions=sum(row["failed"] for row in by_kind["format"]),
        shown=[_submission(row) for row in by_kind["shown"]],
        told=told,
        earlier={row["id"]: _outcomes(row) for row in by_kind["earlier"]},
        still_open={row["id"]: _outcomes(row) for row in by_kind["open"]},
    )


def _formats(counted: list[Record], outcomes: list[Record]) -> list[DigestFormat]:
    by_format: dict[tuple[str, str | None], dict[str, int]] = defaultdict(dict)
    for row in outcomes:
        by_format[row["format"], row["report_type"]] |= _outcomes(row)
    return [
        DigestFormat(
            format=row["format"],
            report_type=row["report_type"],
            submissions=row["submissions"],
            outcomes=by_format[row["format"], row["report_type"]],
        )
        for row in counted
    ]


def _submission(row: Record) -> DigestSubmission:
    return DigestSubmission(
        submission_id=row["id"],
        received_at=row["received_at"],
        status=row["status"],
        format=row["format"],
        report_type=row["report_type"],
        file_name=row["file_name"],
        outcomes=_outcomes(row),
    )


def _outcomes(row: Record) -> dict[str, int]:
    return msgspec.json.decode(row["outcomes"], type=dict[str, int])


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
