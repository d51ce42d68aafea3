"""Dumps as files, and how far an import is."""

import asyncio
import gzip
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from libs.common.ids import derived_id, new_id
from libs.common.shutdown import Shutdown
from services.attribution.domain.imports import ImportKind, ImportRun, ImportState, Progress, as_seen
from services.attribution.handlers import ImportQueue, Upload, dumps, import_queue
from services.attribution.handlers.dumps import LONGEST_LINE, BrokenDump, Dump
from services.attribution.handlers.sources.reading import read_all

NOTHING_YET = Progress()
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEXT = "één\ntwee\n".encode("latin-1")


def a_run(*, updated_at: datetime, progress: Progress = NOTHING_YET) -> ImportRun:
    return ImportRun(
        import_id=derived_id("test"),
        kind=ImportKind.RIPE,
        state=ImportState.RUNNING,
        started_by="job",
        bytes_total=10,
        progress=progress,
        started_at=NOW,
        updated_at=updated_at,
    )


def a_file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_plain_packed_and_joined_files_read_as_one_stream(tmp_path: Path) -> None:
    paths = [
        a_file(tmp_path, "plain", TEXT),
        a_file(tmp_path, "packed", gzip.compress(TEXT)),
        a_file(tmp_path, "joined", gzip.compress(TEXT) + gzip.compress(TEXT)),
    ]
    dump = Dump(paths)

    assert list(dump.lines()) == ["één\n", "twee\n"] * 4
    assert dump.bytes_read == dump.bytes_total


def test_a_packed_file_that_breaks_off_is_broken_and_can_still_be_asked_how_far_it_was(tmp_path: Path) -> None:
    dump = Dump([a_file(tmp_path, "cut", gzip.compress(TEXT * 1000)[:-10])])

    with pytest.raises(BrokenDump):
        list(dump.lines())
    assert dump.bytes_read > 0


def test_a_packed_file_with_damage_inside_is_broken(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 100))
    packed[40:60] = b"\xff" * 20

    with pytest.raises(BrokenDump):
        list(Dump([a_file(tmp_path, "damaged", bytes(packed))]).lines())


def test_a_line_without_end_comes_in_pieces(tmp_path: Path) -> None:
    pieces = list(Dump([a_file(tmp_path, "long", b"x" * (3 * LONGEST_LINE))]).lines())
    assert [len(piece) for piece in pieces] == [LONGEST_LINE] * 3


def test_what_is_read_as_a_whole_is_bounded_after_unpacking(tmp_path: Path) -> None:
    bomb = a_file(tmp_path, "bomb", gzip.compress(b"0" * 10_000_000))

    with pytest.raises(BrokenDump):
        Dump([bomb]).content(most_bytes=1000)


@pytest.mark.parametrize(
    "content",
    [b"<!DOCTYPE html>\n<p>", b"\n <html>", gzip.compress(b"<?xml version='1.0'?>")],
    ids=["page", "after an empty line", "packed"],
)
def test_a_web_page_is_no_dump(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BrokenDump, match="web page"):
        Dump([a_file(tmp_path, "dump", content)]).refuse_pages()
    Dump([a_file(tmp_path, "dump", b"% <html>\n")]).refuse_pages()


def test_an_import_that_has_long_been_silent_was_interrupted() -> None:
    run = a_run(updated_at=NOW)

    assert as_seen(run, at=NOW + timedelta(minutes=1)).state is ImportState.RUNNING
    assert as_seen(run, at=NOW + timedelta(minutes=10)).state is ImportState.FAILED


def test_an_upload_that_waits_is_shown_as_waiting_while_its_queue_says_so() -> None:
    waiting = msgspec.structs.replace(a_run(updated_at=NOW + timedelta(hours=1)), state=ImportState.WAITING)

    assert as_seen(waiting, at=NOW + timedelta(hours=1, minutes=4)).state is ImportState.WAITING
    assert as_seen(waiting, at=NOW + timedelta(hours=1, minutes=5)).state is ImportState.FAILED


async def test_what_waits_behind_a_long_import_is_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue, with an importer that only remembers."""
    monkeypatch.setattr(import_queue, "BETWEEN_SIGNS_SECONDS", 0.001)
    importer, shutdown, runs_on = RememberingImporter(), Shutdown(), asyncio.Event()
    queue = ImportQueue(importer, work_apart=never)  # type: ignore[arg-type]  # only what a queue asks of it
    importer.until = runs_on
    paths = [a_file(tmp_path, name, TEXT) for name in ("first", "second")]
    ids = [(await queue.put(ImportKind.RIPE, path, made_on=NOW.date(), started_by="ann")).import_id for path in paths]
    work = asyncio.create_task(queue.work(shutdown))

    async with asyncio.timeout(5):
        await importer.told_twice.wait()
    runs_on.set()
    async with asyncio.timeout(5):
        await importer.both_ran.wait()
    shutdown.request()
    await work

    assert importer.begun == [ImportState.WAITING, ImportState.WAITING]
    assert set(importer.told[1]) == {ids[1]}, "the first runs meanwhile"
    assert importer.ran == ids
    assert not any(path.exists() for path in paths)


async def never(_: Upload) -> ImportRun:
    raise AssertionError("nothing here is large")


class RememberingImporter:
    def __init__(self) -> None:
        self.until = asyncio.Event()
        self.begun: list[ImportState] = []
        self.told: list[list[UUID]] = []
        self.ran: list[UUID] = []
        self.told_twice, self.both_ran = asyncio.Event(), asyncio.Event()

    async def begin(
        self, kind: ImportKind, _: Dump, *, started_by: str, is_preview: bool, state: ImportState
    ) -> ImportRun:
        self.begun.append(state)
        run = a_run(updated_at=NOW)
        return msgspec.structs.replace(run, import_id=new_id(), kind=kind, started_by=started_by, state=state)

    async def set_out(self, run: ImportRun) -> ImportRun:
        return msgspec.structs.replace(run, state=ImportState.RUNNING)

    async def still_wait(self, waiting: Iterable[ImportRun]) -> None:
        self.told.append([run.import_id for run in waiting])
        if len(self.told) == 2:
            self.told_twice.set()

    async def run(self, run: ImportRun, _: Dump, *, made_on: date, is_forced: bool) -> ImportRun:
        await self.until.wait()
        self.ran.append(run.import_id)
        if len(self.ran) == 2:
            self.both_ran.set()
        return run


async def test_processes_read_what_is_read_here_and_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "role: {0}\nnic-hdl: R{0}\nabuse-mailbox: a@b.example\nsource: RIPE\n\n"
    path = a_file(tmp_path, "dump", "".join(map(role.format, range(99))).encode())
    monkeypatch.setattr(dumps, "BLOCK_BYTES", 1000)
    here = [block async for block in read_all(Dump([path]))]
    monkeypatch.setattr(dumps, "LARGE_BYTES", 0)

    assert [block async for block in read_all(Dump([path]))] == here
    assert sum(batch.rows for _, block in here for batch in block.batches.values()) == 99
    assert len(here) > 5


def test_blocks_end_where_objects_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "BLOCK_BYTES", 7)
    content = b"a: 1\nb: 2\n\nc: 3\r\n\r\nd: 4\n\n\ne: 5"
    blocks = [block for _, block in Dump([a_file(tmp_path, "dump", content)]).blocks()]

    assert b"".join(blocks) == content
    assert [block.strip() for block in blocks if block.strip()] == [b"a: 1\nb: 2", b"c: 3", b"d: 4", b"e: 5"]


def test_an_object_without_an_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dumps, "BLOCK_BYTES", 10)
    monkeypatch.setattr(dumps, "LARGEST_OBJECT", 50)
    blocks = [block for _, block in Dump([a_file(tmp_path, "dump", b"x" * 1000)]).blocks()]

    assert max(map(len, blocks)) <= 60
    assert sum(map(len, blocks)) == 1000


def test_what_a_run_tells_of_its_rate_and_what_is_left() -> None:
    run = a_run(updated_at=NOW + timedelta(seconds=10), progress=Progress(records=500, share_done=0.25))

    assert (run.records_per_second, run.seconds_left) == (50, 30)
    assert a_run(updated_at=NOW).seconds_left is None
