"""Starting, watching over and ending one operating-system process."""

import asyncio
import functools
import os
import shutil
import signal
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from deploy.local import complaints
from deploy.local.complaints import Complaint
from deploy.local.parts import Account, Part

LAST_LINES = 12
SECONDS_BETWEEN_LOOKS = 0.1


class PartDied(Exception):
    """A part ended before it was ready; the message tells how."""


class Process:
    """A part that was started. Its output is appended to `log`."""

    def __init__(self, part: Part, *, log: Path, child: asyncio.subprocess.Process) -> None:
        self.part = part
        self._log = log
        self._child = child

    @classmethod
    async def start(cls, part: Part, *, logs: Path) -> "Process":
        log = logs / f"{part.name}.log"
        with log.open("ab") as output:
            child = await _spawn(
                part.command,
                folder=part.folder,
                environment=part.environment,
                account=part.account,
                death_signal=part.stop_signal,
                output=output,
            )
        return cls(part, log=log, child=child)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def ended(self) -> int:
        """Wait for the end; returns the exit code, negative for a signal."""
        return await self._child.wait()

    async def become_ready(self) -> None:
        """Raises `PartDied` when it ends instead, `Complaint` when it takes longer than the part's `start_seconds`."""
        try:
            async with asyncio.timeout(self.part.start_seconds):
                while not await self.part.is_ready():
                    if self._child.returncode is not None:
                        raise PartDied(self.obituary())
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            seconds, lines = self.part.start_seconds, last_lines(self._log)
            raise complaints.never_ready(self.part.name, seconds=seconds, log=self._log, last_lines=lines) from None
        if self._child.returncode is not None:  # then somebody else answered on its port
            raise PartDied(self.obituary())

    def obituary(self) -> str:
        exit_code = self._child.returncode or 0
        return complaints.died(self.part.name, exit_code=exit_code, last_lines=last_lines(self._log))

    async def stop(self) -> None:
        """Ask, wait as long as the part may take, then insist."""
        self._signal(self.part.stop_signal)
        try:
            async with asyncio.timeout(self.part.stop_seconds):
                await self._child.wait()
        except TimeoutError:
            self.kill()
            await self._child.wait()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._child.send_signal(number)


async def run_to_end(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
) -> tuple[int, str]:
    """Run a short command; returns exit code and output. A cancelled wait ends the command too."""
    child = await _spawn(command, folder=folder, environment=environment or {}, account=account, output=PIPE)
    try:
        output, _ = await child.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
        raise
    return await child.wait(), output.decode(errors="replace")


async def run_or_complain(
    command: Sequence[str],
    *,
    what: str,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
) -> None:
    exit_code, output = await run_to_end(command, folder=folder, environment=environment, account=account)
    if exit_code != 0:
        raise Complaint(complaints.died(what, exit_code=exit_code, last_lines=output.splitlines()[-LAST_LINES:]))


def last_lines(log: Path, count: int = LAST_LINES) -> list[str]:
    with suppress(FileNotFoundError), log.open(errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=count)]
    return []


async def _spawn(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    account: Account | None,
    output: IO[bytes] | int,
    death_signal: signal.Signals = signal.SIGKILL,
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *_dying_with_us(death_signal),
        *command,
        cwd=folder,
        env=os.environ | environment,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        stdin=DEVNULL,
        stdout=output,
        stderr=STDOUT,
        # A group of its own: Ctrl-C in the terminal reaches us alone, and we stop the parts in their order.
        process_group=0,
    )


@functools.cache
def _dying_with_us(death_signal: signal.Signals) -> tuple[str, ...]:
    """Where the system can do it (Linux, util-linux), a child gets this signal when we are gone, even by kill -9.

    Elsewhere the next start finds what was left behind.
    """
    setpriv = shutil.which("setpriv")
    prefix = (setpriv or "", "--pdeathsig", death_signal.name.removeprefix("SIG"), "--")
    if setpriv and subprocess.run((*prefix, "true"), check=False, stderr=subprocess.DEVNULL).returncode == 0:
        return prefix
    return ()
