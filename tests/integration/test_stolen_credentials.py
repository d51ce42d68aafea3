"""A list of stolen credentials goes the whole way through intake, and its secrets are found nowhere."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from libs.common.shutdown import Shutdown
from services.intake.domain.submissions import Status
from services.intake.handlers.accepting import Accepted, Push, Taken
from services.intake.handlers.means import Means
from services.intake.handlers.processing import Processing
from services.intake.handlers.reading import Hints, read_again
from services.intake.handlers.receiving import receive
from services.intake.store import submissions
from services.intake.store.partners import add_partner
from services.intake.store.submissions import Order
from tests.conftest import Kafka
from tests.integration.test_intake import PARTNER, means

__all__ = ["means"]

CANARY = b"Zx9canaryQ7"
TRACES = (CANARY, CANARY.lower(), base64.b64encode(CANARY), CANARY.hex().encode())
HEADER = b"email,url,breach,seen_at,password,note\n"
ROW = b"j%d@example.com,https://u:Zx9canaryQ7@example.com/?x=Zx9canaryQ7,Example,2026-03-01T04:05:06Z,Zx9canaryQ7,Zx9canaryQ7\n"
TORN = b'Zx9canaryQ7,Zx9canaryQ7\n"Zx9canaryQ7,\n'
BODY = HEADER + b"".join(ROW % number for number in range(25)) + TORN


async def pushed(body: bytes, *, means: Means, encoding: str | None = None) -> Accepted:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 700):
            yield body[at : at + 700]

    hints = Hints(content_encoding=encoding)
    push = Push(partner=PARTNER, hints=hints, idempotency_key=None, dry_run=False, traceparent="")
    answer = await receive(chunks(), push, means=means, now=datetime.now(UTC))
    assert isinstance(answer, Accepted)
    return answer


def files_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def everything_stored(means: Means) -> bytes:
    """Every row of every table, as text, with what is binary in hexadecimal digits and as it is."""
    stored = []
    async with means.database.transaction() as tx:
        for table in await tx.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            stored += [repr(tuple(row)) for row in await tx.fetch(f'SELECT * FROM "{table["tablename"]}"')]
    return "\n".join(stored).encode()


@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_the_secrets_of_a_list_are_found_nowhere(
    encoding: str | None, means: Means, kafka: Kafka, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with means.database.transaction() as tx:
        await add_partner(tx, PARTNER)
    body = gzip.compress(BODY) if encoding else BODY
    with structlog.testing.capture_logs() as logs:
        taken = await pushed(body, means=means, encoding=encoding)
        submission_id = taken.receipt.submission.id
        shutdown = Shutdown()
        working = asyncio.create_task(Processing(means, order=Order.OLDEST, retry_max_seconds=0.2).run(shutdown))
        async with asyncio.timeout(20):
            submission = taken.receipt.submission
            while submission.status is Status.PROCESSING:
                await asyncio.sleep(0.02)
                async with means.database.transaction() as tx:
                    submission = await submissions.submission(tx, submission_id, partner_id=None) or submission
        shutdown.request()
        await working
    again = await pushed(body, means=means, encoding=encoding)
    messages = [message.value for message in await kafka.read("raw-indicator", wanted=25)]

    assert submission.status is Status.DONE
    assert submission.payload_redacted
    assert (again.taken, again.receipt.submission.id) == (Taken.REPLAYED, submission_id)
    assert (again.receipt.accepted, again.receipt.rejected) == (25, 2)
    assert list(read_again(submission, means=means)) == list(read_again(submission, means=means))
    files = files_in(tmp_path)
    assert len(files) == 1
    printed = "".join(capfd.readouterr())
    found = b"".join(
        (*files, *messages, await everything_stored(means), repr((logs, again)).encode(), printed.encode())
    )
    assert b"j7@example.com" in found
    assert [trace for trace in TRACES if trace in found] == []
