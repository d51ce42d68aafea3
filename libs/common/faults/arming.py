"""What is armed in this process, and what happens when a point is reached."""

import asyncio
import errno
import os
import random
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import cast

import structlog

from libs.common.errors import Transient
from libs.common.faults.drawing import Draw, draw_of, numbers_of_this_process
from libs.common.faults.registry import AT_ATTRIBUTION, AT_INTAKE, AT_NOTIFIER, EVERYWHERE, Fault, Kind, Point

log = structlog.get_logger(__name__)

CRASHED = 137
"""Exit code of a process that was killed by SIGKILL, as a shell tells it."""

STALL_SECONDS = (0.2, 3.0)
SOON_SECONDS = (0.0, 0.02)
SKEW_MINUTES = (2.0, 3 * 24 * 60.0)
NO_SKEW = timedelta()

Line = asyncio.BaseTransport
"""The transport of a connection that a fault can break."""

IN_SERVICES = {**EVERYWHERE, **AT_INTAKE, **AT_ATTRIBUTION, **AT_NOTIFIER}


class Armed:
    """The faults that are on in this process."""

    def __init__(self, draw: Draw, *, random_numbers: random.Random) -> None:
        self._draw = draw
        self._random = random_numbers
        self._skew = NO_SKEW

    async def strike(self, point: Point, *, line: Line | None) -> None:
        fault = self._next(point)
        if fault is not None and fault.kind is Kind.STALL:
            await asyncio.sleep(self._random.uniform(*STALL_SECONDS))
        elif fault is not None:
            self._happen(fault, line=line)

    def strike_now(self, point: Point) -> None:
        fault = self._next(point)
        if fault is not None:
            self._happen(fault, line=None)

    def _next(self, point: Point) -> Fault | None:
        """One at a pass: a line can't be cut that is silent already."""
        fault = next(self._draw.at(point), None)
        if fault is not None:
            log.warning("fault", name=fault.name)
        return fault

    def _happen(self, fault: Fault, *, line: Line | None) -> None:
        match fault.kind:
            case Kind.CRASH:
                _crash()
            case Kind.CRASH_SOON:
                asyncio.get_running_loop().call_later(self._random.uniform(*SOON_SECONDS), _crash)
            case Kind.REFUSAL:
                raise Transient(f"fault {fault.name}: the process {fault.meaning}")
            case Kind.NO_ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            case Kind.CUT | Kind.HALF_CLOSE | Kind.SILENCE if line is not None:
                # For the type checker: uvloop's transports can all of it, and are of none of asyncio's classes.
                _break(cast("asyncio.Transport", line), fault.kind)
            case _:
                raise NotImplementedError(f"{fault.name} can't strike at {fault.point}")

    def skew(self) -> timedelta:
        """How wrong the clock is at this reading."""
        slipped = NO_SKEW
        for fault in self._draw.at(Point.CLOCK_READ):
            wrong = self._wrong_by(fault)
            log.warning("fault", name=fault.name, seconds=wrong.total_seconds())
            if fault.kind is Kind.CLOCK_SLIP:
                slipped = wrong
            else:
                self._skew = wrong
        return self._skew + slipped

    def _wrong_by(self, fault: Fault) -> timedelta:
        """As likely by some minutes as by some days."""
        shortest, longest = SKEW_MINUTES
        minutes = shortest * (longest / shortest) ** self._random.random()
        sign = {"clock-ahead": 1, "clock-behind": -1}.get(fault.name) or self._random.choice((1, -1))
        return timedelta(minutes=sign * minutes)


_armed: Armed | None = None
# The one global switch of this code base: handing it down to every point would put faults into every signature.


async def reach(point: Point, *, line: Line | None = None) -> None:
    """A point of the flow is reached; whatever is armed there may strike, at `line` if it is a connection that breaks.

    Raises what the fault is like: `Transient` for a refusal, `OSError` for a disk that is full.
    """
    if _armed is not None:
        await _armed.strike(point, line=line)


def reach_in_thread(point: Point) -> None:
    """The same where no event loop is at hand, so that nothing can stall."""
    if _armed is not None:
        _armed.strike_now(point)


def skew() -> timedelta:
    """How wrong the clock of this process is; `libs.common.clock` adds it to each reading."""
    return _armed.skew() if _armed is not None else NO_SKEW


def arm(faults: str, *, seed: int, tally: Path | None = None) -> None:
    """Turn on faults, written `name:chance,name:chancexTIMES`; none for an empty text. `Fatal` for what can't be read.

    `tally` is a file that counts over all lives, so that one that may strike so often is not counted anew in each.
    """
    global _armed  # noqa: PLW0603 - see above
    draw = draw_of(faults, known=IN_SERVICES, seed=seed, tally=tally)
    _armed = Armed(draw, random_numbers=numbers_of_this_process(seed)) if faults.strip(" ,") else None
    if _armed is not None:
        log.warning("faults are armed: this process fails on purpose", faults=faults, seed=seed)


def _break(line: asyncio.Transport, kind: Kind) -> None:
    match kind:
        case Kind.CUT:
            line.abort()
        case Kind.SILENCE:
            line.pause_reading()
        case _:
            # The transport's own way to end its half would make it refuse to write, as no broken network does.
            with socket.socket(fileno=os.dup(line.get_extra_info("socket").fileno())) as end:
                end.shutdown(socket.SHUT_WR)


def _crash() -> None:
    """End as `kill -9` would: nothing is closed, nothing is finished, nothing is said to anybody but the log."""
    sys.stderr.flush()
    os._exit(CRASHED)
