"""Submissions: who pushed what, and how far it has got. Whoever writes progress has to hold the lease."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from asyncpg import Record
from sqlalchemy import insert

from libs.common.db import Transaction
from libs.common.vocabulary import Reliability, Tlp
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.partners import AssetsAre
from services.intake.domain.submissions import LONGEST_LEASE, Status, Submission, Violation
from services.intake.store.tables import submissions

_SELECT = "SELECT submissions.*, partners.slug FROM submissions JOIN partners ON partners.id = submissions.partner_id"


class Order(StrEnum):
    """Which submission is next: the one that has waited longest, or the one that is done soonest."""

    OLDEST = "received_at"
    SMALLEST = "size_bytes, received_at"


async def add(tx: Transaction, submission: Submission, *, until: datetime | None = None) -> None:
    """Keep a new submission; one with a lease is taken from the start."""
    row = {
        "id": submission.id,
        "partner_id": submission.partner_id,
        "reliability": submission.reliability.value,
        "format": submission.format,
        "report_type": submission.report_type,
        "file_name": submission.file_name,
        "content_type": submission.content_type,
        "content_encoding": submission.content_encoding,
        "size_bytes": submission.size_bytes,
        "sha256": submission.sha256,
        "traceparent": submission.traceparent,
        "received_at": submission.received_at,
        "status": submission.status.value,
        "stored_through": submission.stored_through,
        "errors": msgspec.to_builtins(submission.errors),
        "warnings": msgspec.to_builtins(submission.warnings),
        "lease": submission.lease,
        "leased_until": until,
        "payload_redacted": submission.payload_redacted,
        "tlp_default": submission.tlp_default,
        "upstream": submission.upstream,
        "assets_are": submission.assets_are.value,
        "test_mails_to": submission.test_mails_to,
        "csv_reading": msgspec.to_builtins(submission.csv_reading),
    }
    await tx.execute(insert(submissions).values(row))


async def submission(tx: Transaction, submission_id: UUID, *, partner_id: UUID | None) -> Submission | None:
    """With `partner_id`, only if it is theirs."""
    rows = await tx.fetch(
        f"{_SELECT} WHERE submissions.id = $1 AND ($2::uuid IS NULL OR partner_id = $2)", submission_id, partner_id
    )
    return _submission(rows[0]) if rows else None


async def submissions_of(tx: Transaction, ids: Sequence[UUID]) -> list[Submission]:
    """Those of them that are there."""
    return [_submission(row) for row in await tx.fetch(f"{_SELECT} WHERE submissions.id = ANY($1::uuid[])", ids)]


async def submissions_before(
    tx: Transaction, before: UUID, *, partner_id: UUID | None, status: Status | None, is_test: bool | None, limit: int
) -> list[Submission]:
    """The newest first; None of any kind."""
    rows = await tx.fetch(
        f"""{_SELECT}
        WHERE submissions.id < $1 AND ($2::uuid IS NULL OR partner_id = $2) AND ($3::text IS NULL OR status = $3)
          AND ($4::boolean IS NULL OR $4 = (test_mails_to IS NOT NULL))
        ORDER BY submissions.id DESC LIMIT $5""",
        before,
        partner_id,
        status,
        is_test,
        limit,
    )
    return [_submission(row) for row in rows]


async def known_ids(tx: Transaction, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are submissions."""
    return {row["id"] for row in await tx.fetch("SELECT id FROM submissions WHERE id = ANY($1::uuid[])", ids)}


async def take_next(tx: Transaction, *, order: Order, lease: UUID, now: datetime, until: datetime) -> Submission | None:
    """Take a submission that nobody works on, until then; for longer if others got nowhere with it."""
    rows = await tx.fetch(
        f"""
        UPDATE submissions SET lease = $1, attempts = attempts + 1, leased_until = {_grown("attempts")}
        FROM partners
        WHERE partners.id = partner_id AND submissions.id = (
            SELECT id FROM submissions
            WHERE status = 'processing' AND (leased_until IS NULL OR leased_until < $2::timestamptz)
            ORDER BY {order} LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING submissions.*, partners.slug
        """,  # noqa: S608 - the order is one of ours
        lease,
        now,
        until,
    )
    return _submission(rows[0]) if rows else None


def _grown(attempts_before: str) -> str:
    """The end of a lease from $2 to $3, which each attempt without progress makes twice as long, up to a limit."""
    now, until = "$2::timestamptz", "$3::timestamptz"
    return f"{now} + ({until} - {now}) * least(power(2, {attempts_before}), {LONGEST_LEASE})"


async def unread_bytes(tx: Transaction) -> int:
    """How large the payloads are that are kept and not read to their end."""
    rows = await tx.fetch(
        "SELECT coalesce(sum(size_bytes), 0)::bigint AS bytes FROM submissions WHERE status = 'processing'"
    )
    total: int = rows[0]["bytes"]
    return total


async def advance(tx: Transaction, submission: Submission, *, until: datetime) -> bool:
    """Write how far the submission has got, and keep the lease; False if another worker has it by now."""
    rows = await tx.fetch(
        """
        UPDATE submissions SET stored_through = $3, published_through = $4, errors = $5::jsonb, warnings = $6::jsonb,
                               status = $7, attempts = 0, leased_until = $8
        WHERE id = $1 AND lease = $2 AND status = 'processing' RETURNING id
        """,
        submission.id,
        submission.lease,
        submission.stored_through,
        submission.published_through,
        _json(submission.errors),
        _json(submission.warnings),
        submission.status,
        until,
    )
    return bool(rows)


async def renew(tx: Transaction, submission: Submission, *, now: datetime, until: datetime) -> bool:
    """Keep the lease without any progress, so the attempts go on counting; False if another worker has it by now."""
    rows = await tx.fetch(
        f"""
        UPDATE submissions SET leased_until = {_grown("attempts - 1")}
        WHERE id = $4 AND lease = $1 AND status = 'processing' RETURNING id
        """,  # noqa: S608
        submission.lease,
        now,
        until,
        submission.id,
    )
    return bool(rows)


async def release(tx: Transaction, submission: Submission) -> None:
    """Give the lease back, so that the next worker need not wait for its end. It was not the payload's fault.

    A lease that was lost is not ours to give, and the attempt counts: else nobody would ever give up.
    """
    await tx.fetch(
        "UPDATE submissions SET attempts = 0, leased_until = NULL WHERE id = $1 AND lease = $2",
        submission.id,
        submission.lease,
    )


def _json(violations: Sequence[Violation]) -> str:
    return msgspec.json.encode(violations).decode()


def _submission(row: Record) -> Submission:
    return Submission(
        id=row["id"],
        partner_id=row["partner_id"],
        partner=row["slug"],
        reliability=Reliability(row["reliability"]),
        format=row["format"],
        report_type=row["report_type"],
        file_name=row["file_name"],
        content_type=row["content_type"],
        content_encoding=row["content_encoding"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        traceparent=row["traceparent"],
        received_at=row["received_at"],
        status=Status(row["status"]),
        stored_through=row["stored_through"],
        published_through=row["published_through"],
        errors=msgspec.convert(row["errors"], tuple[Violation, ...]),
        warnings=msgspec.convert(row["warnings"], tuple[Violation, ...]),
        attempts=row["attempts"],
        lease=row["lease"],
        payload_redacted=row["payload_redacted"],
        tlp_default=Tlp(row["tlp_default"]) if row["tlp_default"] else None,
        upstream=row["upstream"],
        assets_are=AssetsAre(row["assets_are"]),
        test_mails_to=row["test_mails_to"],
        csv_reading=msgspec.convert(row["csv_reading"], CsvReading),
    )
