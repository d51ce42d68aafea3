import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.register import Entry, start_time, sweep, write_register


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(("sleep", "60"))
    yield process
    process.kill()
    process.wait()


def entry(process: "subprocess.Popen[bytes]", *, started_at: float) -> Entry:
    return Entry(name="kafka", pid=process.pid, started_at=started_at, port=1, restarts=0)


def test_what_a_killed_stack_left_running_is_ended(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    register = tmp_path / "processes.json"
    write_register(register, [entry(sleeper, started_at=start_time(sleeper.pid))])

    assert sweep(register) == ["kafka"]
    assert start_time(sleeper.pid) == 0
    assert not register.exists()


def test_a_stranger_with_the_same_process_id_is_left_alone(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> None:
    register = tmp_path / "processes.json"
    write_register(register, [entry(sleeper, started_at=start_time(sleeper.pid) - 3600)])

    assert sweep(register) == []
    assert sleeper.poll() is None


def test_without_a_register_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path / "processes.json") == []
