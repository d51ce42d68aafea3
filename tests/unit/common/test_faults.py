"""Faults strike where they are armed, and only there; every point has its place in the code."""

import asyncio
import errno
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import uvloop

from libs.common import clock, faults
from libs.common.errors import Fatal, Transient
from libs.common.faults import CRASHED, FAULTS, Chance, Point, arm, arming, chances_of, reach, reach_in_thread, written

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("", seed=0)


async def test_nothing_happens_while_nothing_is_armed() -> None:
    for point in Point:
        await reach(point)


async def test_a_refusal_is_transient_so_that_the_work_is_tried_again() -> None:
    arm("broker-refuses:1", seed=1)
    with pytest.raises(Transient, match="broker-refuses"):
        await reach(Point.PUBLISHING)


async def test_a_fault_strikes_at_no_other_point() -> None:
    arm("broker-refuses:1,database-refuses:1", seed=1)
    await reach(Point.BATCH_HANDLED)


async def test_a_stall_takes_its_time_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arming, "STALL_SECONDS", (0.05, 0.05))
    arm("slow-publish:1", seed=1)
    started = asyncio.get_running_loop().time()
    await reach(Point.PUBLISHING)
    assert asyncio.get_running_loop().time() - started > 0.04


async def test_a_chance_is_a_share_of_the_passes() -> None:
    arm("broker-refuses:0.25", seed=1)
    refused = 0
    for _ in range(1000):
        try:
            await reach(Point.PUBLISHING)
        except Transient:
            refused += 1
    assert 180 < refused < 320


@pytest.mark.parametrize("name", ["crash-after-commit", "crash-within-data"])
def test_a_crash_ends_the_process_at_its_point_without_a_last_word(name: str) -> None:
    point = FAULTS[name].point
    program = f"""
import asyncio
from libs.common.faults import Point, arm, reach
async def main():
    arm("{name}:1", seed=1)
    try:
        await reach(Point.{point.name})
        await asyncio.sleep(1)
    finally:
        print("tidied up")
asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == CRASHED
    assert "tidied up" not in ended.stdout


def test_a_full_disk_is_the_error_of_the_system() -> None:
    arm("disk-full:1", seed=1)
    with pytest.raises(OSError, match="No space left") as full:
        reach_in_thread(Point.PAYLOAD_WRITTEN)
    assert full.value.errno == errno.ENOSPC


class Heard(asyncio.Protocol):
    """What one end of a connection notices of the other."""

    def __init__(self) -> None:
        self.made: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.bytes = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made.set_result(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        self.bytes.set()

    def eof_received(self) -> bool:
        self.ended.set_result(None)
        return True  # and goes on speaking

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def connected() -> tuple[Heard, Heard]:
    """The two ends of a connection."""
    loop = asyncio.get_running_loop()
    ours, theirs = Heard(), Heard()
    left, right = socket.socketpair()
    await loop.create_connection(lambda: ours, sock=left)
    await loop.create_connection(lambda: theirs, sock=right)
    return ours, theirs


Run = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Services run on uvloop, whose transports are not those of asyncio."""
    chosen: Run = request.param
    return chosen


@pytest.mark.parametrize("name", ["database-cut", "database-half-closed"])
def test_a_broken_connection_ends_for_the_other_side(run: Run, name: str) -> None:
    async def scenario() -> None:
        arm(f"{name}:1", seed=1)
        ours, theirs = await connected()

        await reach(Point.TRANSACTION_OPEN, line=await ours.made)

        async with asyncio.timeout(5):
            await theirs.ended

    run(scenario())


def test_what_comes_over_a_half_closed_connection_is_still_heard(run: Run) -> None:
    async def scenario() -> None:
        arm("smtp-half-closed:1", seed=1)
        ours, theirs = await connected()

        await reach(Point.MAIL_ADDRESSED, line=await ours.made)
        (await theirs.made).write(b"250 Ok")

        async with asyncio.timeout(5):
            await ours.bytes.wait()

    run(scenario())


def test_a_silent_connection_stays_open_and_is_deaf(run: Run) -> None:
    async def scenario() -> None:
        arm("database-silent:1", seed=1)
        ours, theirs = await connected()

        await reach(Point.TRANSACTION_OPEN, line=await ours.made)
        (await theirs.made).write(b"an answer that never arrives")
        (await ours.made).write(b"a question that does")

        async with asyncio.timeout(5):
            await theirs.bytes.wait()
        assert not any((ours.bytes.is_set(), ours.ended.done(), theirs.ended.done()))
        (await ours.made).abort()

    run(scenario())


@pytest.mark.parametrize(("name", "sign"), [("clock-ahead", 1), ("clock-behind", -1)])
def test_a_clock_that_was_put_wrong_stays_wrong(name: str, sign: int) -> None:
    arm(f"{name}:1x1", seed=1)
    wrong = [sign * (clock.now() - datetime.now(UTC)) for _ in range(2)]
    assert all(timedelta(minutes=1) < by < timedelta(days=4) for by in wrong)
    assert abs(wrong[0] - wrong[1]) < timedelta(seconds=30)


def test_a_clock_that_slips_is_right_again_at_the_next_reading() -> None:
    arm("clock-slips:1x1", seed=1)
    wrong = [abs(clock.now() - datetime.now(UTC)) for _ in range(2)]
    assert wrong[0] > timedelta(minutes=1)
    assert wrong[1] < timedelta(seconds=30)


def test_a_shared_clock_goes_on_by_itself_and_knows_nothing_of_ours() -> None:
    arm("clock-ahead:1", seed=1)
    shared = clock.SharedClock()
    shared.set(datetime(2026, 3, 1, tzinfo=UTC))
    first, second = shared.now(), shared.now()
    assert datetime(2026, 3, 1, tzinfo=UTC) <= first <= second < datetime(2026, 3, 1, 0, 1, tzinfo=UTC)


async def strikes(point: Point, *, passes: int) -> int:
    """How often a refusal strikes."""
    refused = 0
    for _ in range(passes):
        try:
            await reach(point)
        except Transient:
            refused += 1
    return refused


async def test_a_fault_strikes_no_more_often_than_it_may() -> None:
    arm("broker-refuses:1x3", seed=1)
    assert await strikes(Point.PUBLISHING, passes=10) == 3


async def test_one_fault_strikes_at_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arming, "STALL_SECONDS", (0.0, 0.0))
    arm("slow-publish:1x1,broker-refuses:1x1", seed=1)
    assert [await strikes(Point.PUBLISHING, passes=1) for _ in range(3)] == [0, 1, 0]


async def test_a_tally_counts_over_all_lives_of_a_process(tmp_path: Path) -> None:
    in_each_life = []
    for _ in range(3):
        arm("broker-refuses:1x3", seed=1, tally=tmp_path / "tally")
        in_each_life.append(await strikes(Point.PUBLISHING, passes=2))
    assert in_each_life == [2, 1, 0]
    assert (tmp_path / "tally").read_text().split() == ["broker-refuses"] * 3


@pytest.mark.parametrize("text", ["", " ", ","])
def test_no_text_arms_nothing(text: str) -> None:
    assert chances_of(text) == {}


def test_a_text_that_is_written_can_be_read() -> None:
    chances = {"slow-disk": Chance(0.25), "crash-after-commit": Chance(1.0, most=2)}
    assert written(chances) == "slow-disk:0.25,crash-after-commit:1x2"
    assert chances_of(written(chances)) == chances


@pytest.mark.parametrize(
    "text",
    ["crash", "crash-after-commit", "crash-after-commit:2", "broker-refuses:0", "broker-refuses:1x0", "x:0.1"],
)
def test_what_cannot_be_read_stops_the_start(text: str) -> None:
    with pytest.raises(Fatal, match="no fault"):
        arm(text, seed=0)


def test_an_unknown_name_is_answered_with_the_names_that_there_are() -> None:
    with pytest.raises(Fatal, match=r"crash-after-commit.*disk-full"):
        arm("crash-after-comit:0.1", seed=0)


@pytest.mark.parametrize("text", ["relay-greylists:1", "partner-stalls:1"])
def test_a_service_does_not_take_a_fault_that_happens_at_the_other_end(text: str) -> None:
    with pytest.raises(Fatal, match="no fault"):
        arm(text, seed=0)


def test_every_point_is_reached_in_the_code_and_has_a_fault() -> None:
    sources = [path for folder in ("libs", "services", "deploy") for path in (PROJECT / folder).rglob("*.py")]
    code = "".join(path.read_text() for path in sources if path.name != "registry.py")
    unreached = [point for point in Point if not re.search(rf"\bPoint\.{point.name}\b", code)]
    assert not unreached, "a fault that can never strike proves nothing"
    assert {fault.point for fault in FAULTS.values()} == set(Point)


def test_a_fault_is_listed_under_its_name_and_none_is_hidden_by_another() -> None:
    services = (faults.EVERYWHERE, faults.AT_INTAKE, faults.AT_ATTRIBUTION, faults.AT_NOTIFIER)
    groups = (*services, faults.AT_THE_RELAY, faults.AT_PARTNERS)
    assert all(name == fault.name for name, fault in FAULTS.items())
    assert len(FAULTS) == sum(map(len, groups))
    assert not faults.LOSES_AN_ANSWER - FAULTS.keys()
