"""What is in memory at a time is bounded, however many push at once."""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from backports import zstd

from services.intake.domain.formats import FORMATS
from services.intake.domain.hints import Hints
from services.intake.handlers.accepting import Accepted, Push
from services.intake.handlers.desks import LARGEST_WHOLE_BYTES, Desks, Room
from services.intake.handlers.means import Means
from services.intake.handlers.reading import weight_bytes, whole_bytes
from services.intake.handlers.receiving import receive
from tests.unit.intake.test_receiving import body_of, push
from tests.zips import zipped

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MIB = 1024 * 1024


@dataclass
class Held:
    """How much is held of a room, and how much was at most."""

    now_bytes: int = 0
    most_bytes: int = 0

    async def hold(self, room: Room, size_bytes: int) -> None:
        async with room.hold(size_bytes):
            self.now_bytes += size_bytes
            self.most_bytes = max(self.most_bytes, self.now_bytes)
            await asyncio.sleep(0)
            self.now_bytes -= size_bytes


class Watched(Room):
    """A room that tells when somebody has asked for a place in it, and of how much."""

    def __init__(self, room_bytes: int) -> None:
        super().__init__(room_bytes)
        self.asked: asyncio.Queue[int] = asyncio.Queue()

    @asynccontextmanager
    async def hold(self, size_bytes: int) -> AsyncGenerator[None]:
        self.asked.put_nowait(size_bytes)
        async with super().hold(size_bytes):
            yield


def dry_run(form: str) -> Push:
    return replace(push(dry_run=True), hints=Hints(format_name=form))


async def test_documents_in_memory_are_never_more_than_there_is_room_for() -> None:
    room, held = Room(100), Held()

    async with asyncio.timeout(5):
        await asyncio.gather(*(held.hold(room, size) for size in (60, 60, 40, 100, 1, 0, 39)))

    assert 0 < held.most_bytes <= 100
    assert held.now_bytes == 0


async def test_who_gives_up_waiting_for_room_keeps_nobody_from_it() -> None:
    room = Room(100)
    async with room.hold(60):
        waiting = asyncio.create_task(Held().hold(room, 60))
        await asyncio.sleep(0)
        waiting.cancel()
        async with asyncio.timeout(5), room.hold(40):
            pass
    async with asyncio.timeout(5), room.hold(100):
        pass


@pytest.mark.parametrize("form", ["stix", "misp", "xarf", "mail"])
async def test_a_document_is_only_opened_when_there_is_room_for_it(form: str, means: Means) -> None:
    room = Watched(LARGEST_WHOLE_BYTES)
    means.desks.documents_aside = room
    text = FORMATS[form].example.encode()

    async with asyncio.timeout(20):
        async with room.hold(LARGEST_WHOLE_BYTES):
            await room.asked.get()
            trying = asyncio.create_task(receive(body_of(text), dry_run(form), means=means, now=NOW))
            size = await room.asked.get()
            assert not trying.done()
        answer = await trying

    assert size == (LARGEST_WHOLE_BYTES if form == "mail" else len(text))
    assert isinstance(answer, Accepted)


async def test_a_table_needs_no_room_for_documents(means: Means) -> None:
    form = FORMATS["tocsin-csv"]

    async with asyncio.timeout(20), means.desks.documents_aside.hold(LARGEST_WHOLE_BYTES):
        answer = await receive(body_of(form.example.encode()), dry_run(form.name), means=means, now=NOW)

    assert isinstance(answer, Accepted)


def test_a_packed_document_needs_the_room_of_what_it_unpacks_to(means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(gzip.compress(b"[" + b" " * 3 * MIB + b"]"))
    few = replace(FORMATS["stix"], whole_bytes=MIB)

    assert whole_bytes(path, Hints(), FORMATS["stix"], means=means) == 3 * MIB + 2
    assert whole_bytes(path, Hints(), few, means=means) == MIB
    assert whole_bytes(path, Hints(), FORMATS["tocsin-csv"], means=means) == 0


def test_who_finds_no_room_is_told_so_and_room_comes_back() -> None:
    desks = Desks(room_bytes=100)

    with desks.hold(60) as first, desks.hold(60) as second, desks.hold(40) as third:
        assert (first, second, third) == (True, False, True)
    with desks.hold(100) as again:
        assert again


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, lambda text: zipped(("report.csv", text))])
def test_a_payload_weighs_what_it_unpacks_to(pack: Callable[[bytes], bytes], means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(pack(b"timestamp,ip\n" * 10_000))

    assert weight_bytes(path, Hints(), means=means, at_most=200_000) == 130_000


def test_documents_that_unpack_to_much_find_no_room_together(means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(gzip.compress(bytes(60_000_000)))

    weight = weight_bytes(path, Hints(), means=means, at_most=means.desks.room_bytes)
    with means.desks.hold(weight) as has_room:
        assert not has_room


def test_a_payload_that_cannot_be_unpacked_weighs_what_it_has(means: Means, tmp_path: Path) -> None:
    path = tmp_path / "payload"
    path.write_bytes(b"timestamp,ip\n")

    assert weight_bytes(path, Hints(), means=means, at_most=200_000) == 13
    assert weight_bytes(path, Hints(content_encoding="gzip"), means=means, at_most=200_000) == 13
