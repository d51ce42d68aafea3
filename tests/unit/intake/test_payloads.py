"""Payload files: on the disk as they came, or not at all."""

import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from libs.common.errors import Transient
from libs.common.ids import new_id
from services.intake.store.payloads import NoRoom, PayloadFiles, opened


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_kept_payload_is_there_byte_for_byte(tmp_path: Path) -> None:
    payloads, submission_id = PayloadFiles(tmp_path), new_id()
    body = os.urandom(2_500_000)

    async with payloads.draft(submission_id) as draft:
        for start in range(0, len(body), 70_000):
            await draft.write(body[start : start + 70_000])
        received = await draft.finish()
        await payloads.keep(draft, submission_id)

    with opened(payloads.path(submission_id)) as file:
        assert file.read() == body
    assert (received.size_bytes, received.sha256) == (len(body), hashlib.sha256(body).digest())
    assert files_in(tmp_path) == [str(submission_id)]


async def test_a_draft_that_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    payloads = PayloadFiles(tmp_path)

    async with payloads.draft(new_id()) as draft:
        await draft.write(b"half of it")

    assert files_in(tmp_path) == []


async def test_a_draft_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    payloads = PayloadFiles(tmp_path)

    with pytest.raises(ValueError, match="broken off"):
        async with payloads.draft(new_id()) as draft:
            await draft.write(b"half of it")
            raise ValueError("broken off")

    assert files_in(tmp_path) == []


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process grows inside the block: what a full quota is like."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("size_bytes", [1, 10_000, 2_000_000])
async def test_a_payload_that_finds_no_room_leaves_nothing(size_bytes: int, tmp_path: Path) -> None:
    payloads = PayloadFiles(tmp_path)

    with full_disk(), pytest.raises(NoRoom):
        async with payloads.draft(new_id()) as draft:
            await draft.write(bytes(size_bytes))
            await draft.finish()

    assert files_in(tmp_path) == []


async def test_the_check_says_why_no_payload_is_taken_and_leaves_nothing(tmp_path: Path) -> None:
    payloads = PayloadFiles(tmp_path / "made when it is needed")

    await payloads.check()
    with full_disk(), pytest.raises(Transient, match="the disk of the payload folder is full"):
        await payloads.check()

    assert files_in(tmp_path) == []


async def test_a_folder_that_takes_no_files_is_a_passing_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder should be")

    with pytest.raises(Transient):
        async with PayloadFiles(tmp_path / "file").draft(new_id()):
            pass


async def test_drafts_and_payloads_are_found_with_whose_they_are(tmp_path: Path) -> None:
    payloads, orphan, crashed = PayloadFiles(tmp_path), new_id(), new_id()
    path = payloads.path(orphan)
    path.parent.mkdir()
    path.write_bytes(b"never committed")
    path.with_name(f"{crashed}.draft").write_bytes(b"half of it")

    found = payloads.recent()

    assert {(file.submission_id, file.is_draft) for file in found} == {(orphan, False), (crashed, True)}


async def test_a_file_that_is_written_to_is_found_as_another_one(tmp_path: Path) -> None:
    payloads, draft = PayloadFiles(tmp_path), new_id()
    path = payloads.path(draft).with_name(f"{draft}.draft")
    path.parent.mkdir()
    path.write_bytes(b"half of it")
    before, unchanged = payloads.recent(), payloads.recent()

    os.utime(path, (0, 0))

    assert before == unchanged
    assert before != payloads.recent()


async def test_a_file_that_goes_while_the_folder_is_looked_through_is_passed_over(tmp_path: Path) -> None:
    payloads, orphan = PayloadFiles(tmp_path), new_id()
    path = payloads.path(orphan)
    path.parent.mkdir()
    path.write_bytes(b"never committed")
    # Listed, and gone when it is looked at: to the system a link to nowhere is the same.
    path.with_name(f"{new_id()}.draft").symlink_to("nowhere")

    assert [file.submission_id for file in payloads.recent()] == [orphan]


async def test_a_folder_that_can_not_be_looked_through_is_a_passing_trouble(tmp_path: Path) -> None:
    payloads = PayloadFiles(tmp_path)
    path = payloads.path(new_id())
    path.parent.mkdir()
    path.symlink_to(path.name)

    with pytest.raises(Transient):
        payloads.recent()


async def test_a_file_that_can_not_be_removed_is_a_passing_trouble(tmp_path: Path) -> None:
    payloads, submission_id = PayloadFiles(tmp_path), new_id()
    payloads.path(submission_id).mkdir(parents=True)

    with pytest.raises(Transient):
        payloads.remove(submission_id)


async def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    payloads = PayloadFiles(tmp_path)
    day = payloads.path(new_id()).parent
    day.mkdir()
    (day / ".nfs0000000000a1").write_bytes(b"what a shared folder keeps of an open file that was removed")

    assert payloads.recent() == []
