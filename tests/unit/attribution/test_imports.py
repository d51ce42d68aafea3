"""Dumps as files, and how far an import is."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libs.common.ids import derived_id
from services.attribution.domain.imports import ImportKind, ImportRun, ImportState, as_seen
from services.attribution.handlers.dumps import LONGEST_LINE, BrokenDump, Dump

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEXT = "één\ntwee\n".encode("latin-1")


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


def test_an_import_that_has_long_been_silent_was_interrupted() -> None:
    run = ImportRun(
        import_id=derived_id("test"),
        kind=ImportKind.RIPE,
        state=ImportState.RUNNING,
        started_by="job",
        bytes_total=10,
        started_at=NOW,
        updated_at=NOW,
    )

    assert as_seen(run, at=NOW + timedelta(minutes=1)).state is ImportState.RUNNING
    assert as_seen(run, at=NOW + timedelta(minutes=10)).state is ImportState.FAILED
