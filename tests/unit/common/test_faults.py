"""Faults strike where they are armed, and only there; every point has its place in the code."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common import faults
from libs.common.errors import Fatal, Transient
from libs.common.faults import CRASHED, FAULTS, Point, arm, chances_of, reach

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
    monkeypatch.setattr(faults, "STALL_SECONDS", (0.05, 0.05))
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


@pytest.mark.parametrize("text", ["", " ", ","])
def test_no_text_arms_nothing(text: str) -> None:
    assert chances_of(text) == {}


@pytest.mark.parametrize("text", ["crash", "crash-after-commit", "crash-after-commit:2", "broker-refuses:0", "x:0.1"])
def test_what_cannot_be_read_stops_the_start(text: str) -> None:
    with pytest.raises(Fatal, match="no fault"):
        arm(text, seed=0)


def test_every_point_is_reached_in_the_code_and_has_a_fault() -> None:
    code = "".join(path.read_text() for folder in ("libs", "services") for path in (PROJECT / folder).rglob("*.py"))
    unreached = [point for point in Point if f"faults.reach(faults.Point.{point.name})" not in code]
    assert not unreached, "a fault that can never strike proves nothing"
    assert {fault.point for fault in FAULTS.values()} == set(Point)


def test_a_fault_is_listed_under_its_name_and_none_is_hidden_by_another() -> None:
    assert all(name == fault.name for name, fault in FAULTS.items())
    assert len(FAULTS) == len(faults.EVERYWHERE) + len(faults.AT_INTAKE) + len(faults.AT_NOTIFIER)
