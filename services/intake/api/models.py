"""Submissions as partners see them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.intake.domain.submissions import REJECTED, Receipt, RecordRow, Violation, indicator_id


class ErrorView(BaseModel):
    """One thing wrong. Without `record` it is the payload as a whole."""

    record: int | None
    field: str | None
    code: str
    message: str
    line: int | None


class RecordCounts(BaseModel):
    """So far, while the submission is `processing`."""

    total: int
    accepted: int
    rejected: int


class Links(BaseModel):
    self: str
    records: str
    records_csv: str
    payload: str


class ReceiptView(BaseModel):
    """The receipt of a submission. `id` and `links` are null for a dry run, which leaves nothing."""

    id: UUID | None
    partner: str
    status: Literal["processing", "done", "failed"]
    format: str
    report_type: str | None
    file_name: str | None
    received_at: datetime
    bytes: int
    sha256: str
    records: RecordCounts
    errors: list[ErrorView] = Field(description="The first 100; all are under records?outcome=rejected")
    warnings: list[ErrorView] = Field(description="The first 100; records that were accepted all the same")
    outcomes: dict[str, int] = Field(description="Accepted records by outcome; they sum to `accepted`")
    links: Links | None
    dry_run: bool = False
    test: bool = Field(False, description="Pushed by a key for tests: its mails go to you, and it counts for nothing")
    payload_redacted: bool = Field(
        False, description="Secrets were taken out; `bytes`, `sha256` and the payload are of what was kept"
    )


class RecordView(BaseModel):
    """One record: `rejected` if it could not be read, `pending` until it has ended somewhere."""

    record: int
    indicator_id: UUID | None
    outcome: str
    reason: str | None
    message: str | None
    at: datetime
    errors: list[ErrorView]


def receipt_view(receipt: Receipt, *, dry_run: bool = False) -> ReceiptView:
    submission = receipt.submission
    return ReceiptView(
        id=None if dry_run else submission.id,
        partner=submission.partner,
        status="done" if dry_run else submission.status.value,
        format=submission.format,
        report_type=submission.report_type,
        file_name=submission.file_name,
        received_at=submission.received_at,
        bytes=submission.size_bytes,
        sha256=submission.sha256.hex(),
        records=RecordCounts(
            total=receipt.accepted + receipt.rejected, accepted=receipt.accepted, rejected=receipt.rejected
        ),
        errors=[error_view(error) for error in submission.errors],
        warnings=[error_view(warning) for warning in submission.warnings],
        outcomes=receipt.outcomes,
        links=None if dry_run else links_of(submission.id),
        dry_run=dry_run,
        test=submission.is_test,
        payload_redacted=submission.payload_redacted,
    )


def record_view(submission_id: UUID, row: RecordRow) -> RecordView:
    return RecordView(
        record=row.record,
        indicator_id=indicator_id(submission_id, row.record) if row.outcome != REJECTED else None,
        outcome=row.outcome,
        reason=row.reason,
        message=row.message,
        at=row.at,
        errors=[error_view(error) for error in row.errors],
    )


def error_view(violation: Violation) -> ErrorView:
    return ErrorView(
        record=violation.record,
        field=violation.field,
        code=violation.code,
        message=violation.message,
        line=violation.line,
    )


def links_of(submission_id: UUID) -> Links:
    here = f"/v1/submissions/{submission_id}"
    return Links(self=here, records=f"{here}/records", records_csv=f"{here}/records.csv", payload=f"{here}/payload")
