"""`POST /v1/submissions`: a payload comes in."""

from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import Message
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.requests import ClientDisconnect

from libs.common.openapi import refusals
from libs.common.problems import FieldError, Problem
from services.intake.api.doors import Doors, PartnerKey
from services.intake.api.formats import payloads
from services.intake.api.models import ReceiptView, receipt_view
from services.intake.api.own_tables import SaidOfTable, format_said
from services.intake.domain.hints import Hints
from services.intake.domain.partners import Caller
from services.intake.domain.records import PayloadError
from services.intake.domain.submissions import Violation
from services.intake.handlers.accepting import Accepted, Push, Refused, Taken
from services.intake.handlers.means import Means
from services.intake.handlers.receiving import receive, too_large

PATH = "/v1/submissions"
MAX_FILE_NAME_CHARS = 255
LATER = {"Retry-After": "60"}
"""What is full or behind is so for a minute at least."""

STATUS_CODES = {Taken.READ: 201, Taken.STORED: 202, Taken.REPLAYED: 200, Taken.TRIED: 200}

IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="Makes a retry safe: the same key gets the first receipt"),
]
FormatName = Annotated[
    str | None, Query(alias="format", max_length=50, description="What the payload is; GET /v1/formats lists all")
]
ReportType = Annotated[
    str | None, Query(max_length=100, description="Which Shadowserver report it is, if the file name does not say so")
]
DryRun = Annotated[bool, Query(description="Read, answer, and keep nothing")]


def routes(means: Means, doors: Doors) -> APIRouter:
    router = APIRouter(tags=["submissions"])
    known_caller = Depends(PartnerKey(doors))

    @router.post(
        PATH,
        status_code=201,
        responses={**{code: {"model": ReceiptView} for code in (200, 201, 202)}, **refusals(408, 415)},
        openapi_extra={"requestBody": {"required": True, "content": payloads()}},
    )
    async def submit(
        request: Request,
        response: Response,
        caller: Annotated[Caller, known_caller],
        said_of_table: SaidOfTable,
        format_name: FormatName = None,
        report_type: ReportType = None,
        dry_run: DryRun = False,
        idempotency_key: IdempotencyKey = None,
    ) -> ReceiptView:
        """Push one payload. Up to 1 MiB it is read before the answer (201), beyond that after it (202)."""
        refuse_at_once(request, means=means, max_bytes=means.bounds.max_body_bytes)
        push = Push(
            partner=caller.partner,
            hints=replace(
                _hints(request),
                format_name=format_said(format_name, said_of_table),
                report_type=report_type,
                csv_reading=said_of_table.over(caller.partner.csv_reading),
                csv_said=said_of_table,
            ),
            idempotency_key=idempotency_key,
            dry_run=dry_run,
            traceparent=request.state.traceparent,
            test_mails_to=caller.key.mails_to,
        )
        answer = await receive(body_of(request), push, means=means, now=means.database.now())
        if isinstance(answer, Refused):
            raise problem_of(answer)
        return _receipt(answer, response)

    return router


def refuse_at_once(request: Request, *, means: Means, max_bytes: int) -> None:
    """What need not be read to be refused."""
    if (trouble := means.pressure.trouble) is not None:
        raise Problem(
            429,
            "pipeline-behind",
            "More is on its way than we can take",
            f"{trouble} Send the same again later.",
            headers=LATER,
        )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise problem_of(Refused(too_large(max_bytes)))


def _hints(request: Request) -> Hints:
    """What the headers say."""
    headers = request.headers
    return Hints(
        file_name=_file_name(headers.get("content-disposition", "")),
        content_type=headers.get("content-type"),
        content_encoding=headers.get("content-encoding"),
    )


def _file_name(content_disposition: str) -> str | None:
    """The last part of the `filename` parameter (RFC 6266); only ever used to find out what a payload is."""
    message = Message()
    message["Content-Disposition"] = content_disposition
    name = (message.get_filename() or "").replace("\\", "/").rpartition("/")[2]
    return name[:MAX_FILE_NAME_CHARS] if name and name.isprintable() else None


async def body_of(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise PayloadError(400, "broken-off", "the connection ended before the body did") from error


def _receipt(answer: Accepted, response: Response) -> ReceiptView:
    response.status_code = STATUS_CODES[answer.taken]
    if answer.taken is Taken.REPLAYED:
        response.headers["Idempotent-Replayed"] = "true"
    view = receipt_view(answer.receipt, dry_run=answer.taken is Taken.TRIED)
    if view.links:
        response.headers["Location"] = view.links.self
    return view


def problem_of(refused: Refused) -> Problem:
    error = refused.error
    return Problem(
        error.status,
        error.code,
        "We can't take this payload",
        error.message,
        headers=_headers_of(error),
        errors=[_field_error(violation) for violation in refused.errors],
    )


def _headers_of(error: PayloadError) -> dict[str, str]:
    if error.retry_after_seconds is not None:
        return {"Retry-After": str(error.retry_after_seconds)}
    return LATER if error.status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _field_error(violation: Violation) -> FieldError:
    where = f"record {violation.record}" + (f", {violation.field}" if violation.field else "")
    return FieldError(where=where, code=violation.code, message=violation.message)
