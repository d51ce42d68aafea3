"""With real processes: what a shell does when it dies is what a broker does."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from deploy.local.complaints import Complaint
from deploy.local.keeper import Keeper
from deploy.local.parts import Part
from deploy.local.process import last_lines


async def always() -> bool:
    return True


async def never() -> bool:
    return False


def part(
    script: str, *, folder: Path, is_ready: Callable[[], Awaitable[bool]] = always, start_seconds: float = 2
) -> Part:
    return Part(
        name="part",
        command=("sh", "-c", script),
        folder=folder,
        port=1,
        is_ready=is_ready,
        stop_seconds=0.5,
        start_seconds=start_seconds,
    )


def keeper(kept: Part, *, logs: Path, say: Callable[[str], None] = lambda _: None) -> Keeper:
    return Keeper(kept, logs=logs, say=say, changed=lambda: None, first_pause_seconds=0.01)


async def test_a_part_that_dies_is_started_again_and_its_last_lines_are_told(tmp_path: Path) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()

    async def spoke() -> bool:
        return last_lines(tmp_path / "part.log") != []

    kept = keeper(part("echo alas; exec sleep 60", folder=tmp_path, is_ready=spoke), logs=tmp_path, say=said.put_nowait)
    await kept.start()
    keeping = asyncio.create_task(kept.keep())
    first = kept.pid

    kept.kill()

    assert await said.get() == "part was killed by signal 9. Its last lines:\n  | alas"
    assert await said.get() == "part is back."
    assert kept.pid != first
    assert kept.restarts == 1
    keeping.cancel()
    await kept.stop()


async def test_a_part_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    kept = keeper(part("sleep 0.05; exit 3", folder=tmp_path), logs=tmp_path)
    await kept.start()

    with pytest.raises(Complaint, match="part stopped 4 times within a minute"):
        await kept.keep()

    assert kept.restarts == 3


async def test_a_part_that_fails_at_its_first_start_is_not_tried_again(tmp_path: Path) -> None:
    kept = keeper(part("echo wrong setting; exit 3", folder=tmp_path, is_ready=never), logs=tmp_path)

    with pytest.raises(Complaint, match=r"(?s)exit code 3.*wrong setting"):
        await kept.start()

    assert kept.restarts == 0


async def test_a_part_that_does_not_become_ready_is_complained_of(tmp_path: Path) -> None:
    kept = keeper(part("echo thinking; sleep 60", folder=tmp_path, is_ready=never, start_seconds=0.2), logs=tmp_path)

    with pytest.raises(Complaint, match=r"(?s)part was not ready.*thinking"):
        await kept.start()

    await kept.stop()


async def test_a_part_that_does_not_listen_is_killed_when_its_time_is_up(tmp_path: Path) -> None:
    kept = keeper(part("trap '' TERM; while :; do sleep 0.1; done", folder=tmp_path), logs=tmp_path)
    await kept.start()
    pid = kept.pid or 0
    await asyncio.sleep(0.1)

    async with asyncio.timeout(5):
        await kept.stop()

    assert not psutil.pid_exists(pid)
