"""A push that is refused, broken off or only tried is answered, and leaves nothing behind."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from libs.common.vocabulary import Reliability
from services.intake.domain.hints import Hints
from services.intake.domain.partners import Partner
from services.intake.domain.records import PayloadError
from services.intake.handlers.accepting import Accepted, Push, Refused, Taken
from services.intake.handlers.means import Means
from services.intake.handlers.reading import open_payload, slices
from services.intake.handlers.receiving import receive

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HEADER = b'"timestamp","ip","port","asn"\n'
GOOD = b'"2026-03-01 04:05:06","192.0.2.%d",445,64500\n'
BAD = b'"2026-03-01 04:05:06","300.0.2.%d",445,64500\n'
REPORT = HEADER + b"".join(GOOD % number for number in range(1, 8)) + BAD % 8


def push(*, dry_run: bool = False, encoding: str | None = None) -> Push:
    partner = Partner(
        id=UUID(int=1),
        slug="demo",
        name="Demo",
        reliability=Reliability.B,
        contact_email="demo@example.org",
        enabled=True,
        created_at=NOW,
    )
    hints = Hints(report_type="scan_smb", content_encoding=encoding)
    return Push(partner=partner, hints=hints, idempotency_key=None, dry_run=dry_run, traceparent="")


async def body_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty-payload"),
        (HEADER, "empty-payload"),
        (HEADER + BAD % 1 + BAD % 2, "all-records-rejected"),
        (b"<html>502 Bad gateway</html>", "unrecognised-format"),
        (b"x" * 100_001, "payload-too-large"),
    ],
)
async def test_what_can_not_be_read_is_not_kept(body: bytes, code: str, means: Means, tmp_path: Path) -> None:
    answer = await receive(body_of(body), push(), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert answer.error.code == code
    assert files_in(tmp_path) == []


async def test_a_payload_of_nothing_but_context_is_refused_if_it_is_not_asked_for(means: Means, tmp_path: Path) -> None:
    body = b'{"objects": [{"type": "identity", "id": "identity--1"}]}'
    asked = replace(push(), hints=Hints(format_name="stix"))

    answer = await receive(body_of(body), asked, means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert (answer.error.status, answer.error.code) == (422, "empty-payload")
    assert files_in(tmp_path) == []


async def test_a_refusal_names_what_is_wrong_with_each_record(means: Means) -> None:
    answer = await receive(body_of(HEADER + BAD % 1 + BAD % 2), push(), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert [(error.record, error.code) for error in answer.errors] == [(1, "invalid-ip"), (2, "invalid-ip")]


async def test_a_small_payload_that_ends_too_early_is_refused_as_a_whole(means: Means, tmp_path: Path) -> None:
    torn = gzip.compress(REPORT)[:-9]

    answer = await receive(body_of(torn), push(encoding="gzip"), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert answer.error.code == "truncated-compression"
    assert files_in(tmp_path) == []


async def test_a_client_that_breaks_off_leaves_nothing(means: Means, tmp_path: Path) -> None:
    async def broken_off() -> AsyncIterator[bytes]:
        yield REPORT
        raise PayloadError(400, "broken-off", "the connection ended")

    answer = await receive(broken_off(), push(), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert answer.error.code == "broken-off"
    assert files_in(tmp_path) == []


async def test_a_client_that_falls_silent_is_cut_off(means: Means, tmp_path: Path) -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield HEADER
        await asyncio.sleep(5)

    answer = await receive(silent(), push(), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert (answer.error.status, answer.error.code) == (408, "body-too-slow")
    assert files_in(tmp_path) == []


async def test_a_dry_run_tells_all_and_keeps_nothing(means: Means, tmp_path: Path) -> None:
    answer = await receive(body_of(REPORT), push(dry_run=True), means=means, now=NOW)

    assert isinstance(answer, Accepted)
    assert answer.taken is Taken.TRIED
    assert (answer.receipt.accepted, answer.receipt.rejected) == (7, 1)
    assert [error.code for error in answer.receipt.submission.errors] == ["invalid-ip"]
    assert files_in(tmp_path) == []


async def test_a_format_that_is_not_agreed_is_refused_and_the_agreed_ones_are_named(
    means: Means, tmp_path: Path
) -> None:
    asked = push()
    partner = replace(asked.partner, allowed_formats=("stix", "misp"))

    answer = await receive(body_of(REPORT), replace(asked, partner=partner), means=means, now=NOW)

    assert isinstance(answer, Refused)
    assert (answer.error.status, answer.error.code) == (403, "format-not-allowed")
    assert "stix, misp" in answer.error.message
    assert files_in(tmp_path) == []


async def test_slices_give_every_record_once_and_in_order(means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(REPORT)
    opened = open_payload(path, Hints(report_type="scan_smb"), means=means, now=NOW)

    pieces = [piece async for piece in slices(opened.records, size=3)]

    assert [record.record for piece in pieces for record in piece.records] == list(range(1, 9))
    assert [piece.is_last for piece in pieces] == [False, False, True]
