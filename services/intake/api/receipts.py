"""`/v1/submissions/…`: receipts, the fate of each record, and the payload as it came."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import FileResponse, StreamingResponse

from libs.common.openapi import content
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.problems import Problem, not_found
from libs.common.vocabulary import Outcome
from services.intake.api.doors import Doors, PartnerOrOperator
from services.intake.api.models import ReceiptView, RecordView, receipt_view, record_view
from services.intake.domain.compression import file_ending
from services.intake.domain.submissions import REJECTED, Status, Submission
from services.intake.handlers import receipts
from services.intake.handlers.downloads import records_as_csv
from services.intake.handlers.means import Means
from services.intake.handlers.receipts import NEWEST, Viewer

OUTCOMES = (REJECTED, *(outcome.value for outcome in Outcome))

OutcomeName = Annotated[
    str | None, Query(pattern=f"^({'|'.join(OUTCOMES)})$", description="Only records that ended so")
]
IsTest = Annotated[bool | None, Query(alias="test", description="Only tests, or none of them")]
StatusName = Annotated[Status | None, Query(description="Only submissions in this status")]


def routes(means: Means, doors: Doors) -> APIRouter:
    router = APIRouter(prefix="/v1/submissions", tags=["submissions"])
    known_viewer = Depends(PartnerOrOperator(doors))
    database = means.database

    @router.get("")
    async def list_submissions(
        viewer: Annotated[Viewer, known_viewer],
        status: StatusName = None,
        is_test: IsTest = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[ReceiptView]:
        """The newest first."""
        before = read_cursor(cursor, tuple[UUID])[0] if cursor else NEWEST
        async with database.transaction() as tx:
            found = await receipts.receipts_before(
                tx, before, viewer=viewer, status=status, is_test=is_test, limit=limit + 1
            )
        following = encode_cursor(found[limit - 1].submission.id) if len(found) > limit else None
        return Page(items=[receipt_view(receipt) for receipt in found[:limit]], next=following)

    @router.get("/{submission_id}")
    async def show_receipt(submission_id: UUID, viewer: Annotated[Viewer, known_viewer]) -> ReceiptView:
        """The receipt with the outcomes as they are now."""
        async with database.transaction() as tx:
            receipt = await receipts.receipt_of(tx, submission_id, viewer=viewer)
        if receipt is None:
            raise not_found("submission")
        return receipt_view(receipt)

    @router.get("/{submission_id}/records")
    async def list_records(
        submission_id: UUID,
        viewer: Annotated[Viewer, known_viewer],
        outcome: OutcomeName = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[RecordView]:
        """In the order of the payload."""
        after = read_cursor(cursor, tuple[int])[0] if cursor else 0
        async with database.transaction() as tx:
            rows = await receipts.records_after(
                tx, submission_id, after, viewer=viewer, outcome=outcome, limit=limit + 1
            )
        if rows is None:
            raise not_found("submission")
        following = encode_cursor(rows[limit - 1].record) if len(rows) > limit else None
        return Page(items=[record_view(submission_id, row) for row in rows[:limit]], next=following)

    _add_downloads(router, means, known_viewer)
    return router


def _add_downloads(router: APIRouter, means: Means, known_viewer: object) -> None:
    database = means.database

    @router.get("/{submission_id}/records.csv", response_class=StreamingResponse, responses={200: content("text/csv")})
    async def download_records(
        submission_id: UUID, viewer: Annotated[Viewer, known_viewer], outcome: OutcomeName = None
    ) -> StreamingResponse:
        """All of them in one CSV, safe to open in a spreadsheet: what it would take for a formula begins with `'`."""
        async with database.transaction() as tx:
            submission = await receipts.submission_of(tx, submission_id, viewer=viewer)
        if submission is None:
            raise not_found("submission")
        named = f'attachment; filename="{submission_id}-records.csv"'
        return StreamingResponse(
            records_as_csv(database, submission_id, outcome=outcome),
            media_type="text/csv; charset=utf-8; header=present",
            headers={"Content-Disposition": named},
        )

    @router.get(
        "/{submission_id}/payload", response_class=FileResponse, responses={200: content("application/octet-stream")}
    )
    async def show_payload(submission_id: UUID, viewer: Annotated[Viewer, known_viewer]) -> FileResponse:
        """The bytes as they came; what came compressed is compressed still."""
        async with database.transaction() as tx:
            submission = await receipts.submission_of(tx, submission_id, viewer=viewer)
        if submission is None:
            raise not_found("submission")
        path = means.payloads.path(submission_id)
        if not path.exists():
            raise Problem(503, "payload-away", "The payload can't be read now", headers={"Retry-After": "60"})
        return FileResponse(path, media_type="application/octet-stream", filename=_download_name(submission))


def _download_name(submission: Submission) -> str:
    """Our own name with the partner's ending, never the partner's name: it is shown where files are saved."""
    return f"{submission.id}{file_ending(submission.content_encoding)}"
