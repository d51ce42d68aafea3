"""Several push at the same moment: what is in memory at a time is bounded, and everybody is answered."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import asyncpg

from tests.chaos.ledger import database_of
from tests.e2e.conftest import until
from tests.integration.fullness.conftest import PATIENCE_SECONDS, Ward, expected, payload_files

ROOM_FOR = 2


@asynccontextmanager
async def no_claims(ward: Ward) -> AsyncIterator[None]:
    """Nobody's payload gets beyond the folder inside the block: intake waits for the table of claims."""
    connection = await asyncpg.connect(database_of(ward.stack.endpoints.postgres, "intake"))
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE claims IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


def test_what_finds_no_room_to_be_read_at_once_is_kept_and_read_after_the_answer(ward: Ward) -> None:
    payloads = [ward.payload() for _ in range(ROOM_FOR + 1)]
    before = payload_files(ward)

    with ThreadPoolExecutor() as partners:
        with ward.portal.wrap_async_context_manager(no_claims(ward)):
            pushes = [partners.submit(ward.push, payload) for payload in payloads]
            until(lambda: len(payload_files(ward) - before) == len(payloads) or None, seconds=PATIENCE_SECONDS)
        answers = [push.result() for push in pushes]

    assert sorted(answer.status_code for answer in answers) == [201] * ROOM_FOR + [202]
    assert [ward.settled(answer.json()) for answer in answers] == [expected()] * len(answers)
