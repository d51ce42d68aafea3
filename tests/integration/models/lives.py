"""Processes that can die. A life is a tree of tasks in this event loop that ends as `kill -9` ends a process.

Its end cuts every connection that its tasks have opened, lets no new one come up, and cancels the tasks: what they
still do in their `finally` reaches nobody. What is left of it is what the database, the broker and the relay have, and
they notice its end as they would after a real crash. It takes milliseconds, where a process takes a second to start.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar, assert_never

from hypothesis import strategies as st

from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.faults import FAULTS, Kind, Line, Point
from libs.common.faults.arming import Armed
from libs.common.faults.drawing import Draw
from libs.common.shutdown import Shutdown

T = TypeVar("T")


class Blow(StrEnum):
    """What happens to a life at a named point. `HOLD`: nothing more happens there until it is let go, or dies."""

    CRASH = "crash"
    HOLD = "hold"
    REFUSE = "refuse"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Fate:
    """The blow that strikes a life when it passes a point for the `nth` time from now on."""

    point: Point
    blow: Blow
    nth: int = 1


def fates_at(points: Iterable[Point], *, held_at: Iterable[Point]) -> list[Fate]:
    """A crash or broken lines at any of these points, what the registry of faults refuses there, a hold at some."""
    chosen = sorted(points)
    refused = {fault.point for fault in FAULTS.values() if fault.kind is Kind.REFUSAL}
    return [
        *(Fate(point, Blow.CRASH) for point in chosen),
        *(Fate(point, Blow.CUT) for point in chosen),
        *(Fate(point, Blow.REFUSE) for point in chosen if point in refused),
        *(Fate(point, Blow.HOLD) for point in sorted(held_at)),
    ]


def fates(found: Sequence[Fate]) -> st.SearchStrategy[Fate]:
    """Any of these, mostly at the first pass: an example is short."""
    return st.sampled_from([replace(fate, nth=nth) for nth in (1, 1, 2, 3) for fate in found])


class Life:
    """One process, as far as the others can tell."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.passed: list[Point] = []
        self.struck: list[Fate] = []
        self.cut_lines: list[tuple[int, int]] = []
        """The connections that were cut: the port at its end, and the one at the other."""
        self._fate: Fate | None = None
        self._passes_left = 0
        self._held: list[asyncio.Event] = []
        self._tasks: set[asyncio.Task[Any]] = set()  # Any: whatever the tasks answer
        self._lines: list[asyncio.Transport] = []

    @property
    def is_held(self) -> bool:
        return bool(self._held) and not self.is_dead

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do this in a task of this life; all that it begins and opens belongs to the life too."""
        context = copy_context()
        context.run(_life.set, self)
        return context.run(asyncio.create_task, work)

    def doom(self, fate: Fate) -> None:
        """One fate at a time; a new one takes the place of one that has not struck."""
        self._fate, self._passes_left = fate, fate.nth

    def spare(self) -> None:
        self._fate = None

    def let_go(self) -> None:
        """Go on from where it is held."""
        for held in self._held:
            held.set()
        self._held.clear()

    def cut(self) -> None:
        """Break all connections; it may open new ones."""
        for line in self._lines:
            if not line.is_closing():
                self.cut_lines.append(_ports(line))
            line.abort()

    def die(self) -> None:
        self.is_dead = True
        self.cut()
        for task in self._tasks:
            task.cancel()

    async def buried(self) -> None:
        """When its tasks are over. One whose clean-up fails at a dead connection forgets that it was cancelled."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=0.05)

    async def reach(self, point: Point) -> None:
        self.passed.append(point)
        fate = self._fate
        if fate is None or fate.point is not point:
            return
        self._passes_left -= 1
        if self._passes_left == 0:
            self._fate = None
            self.struck.append(fate)
            await self._strike(fate)

    async def _strike(self, fate: Fate) -> None:
        match fate.blow:
            case Blow.CRASH:
                self.die()
                await asyncio.sleep(0)
            case Blow.HOLD:
                self._held.append(held := asyncio.Event())
                await held.wait()
            case Blow.REFUSE:
                raise Transient(f"refused at {fate.point}")
            case Blow.CUT:
                self.cut()
            case _:
                assert_never(fate.blow)

    def adopt(self, line: asyncio.Transport) -> None:
        self._lines = [known for known in self._lines if not known.is_closing()]
        self._lines.append(line)

    def take_on(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._part_from)

    def _part_from(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if self.is_dead and not task.cancelled():
            task.exception()  # read, and nobody's business any more


_life: ContextVar[Life | None] = ContextVar("life", default=None)


def life_here() -> Life | None:
    """Whose task this is; None for the test itself."""
    return _life.get()


class MortalLoop(asyncio.SelectorEventLoop):
    """An event loop that knows to which life each task and each connection belongs."""

    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(_begin_task)
        self.set_exception_handler(_pass_over_the_dead)

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:  # Any: as asyncio's own, with overloads
        life = life_here()
        if life is not None and life.is_dead:
            raise ConnectionRefusedError(f"{life.name} is dead")
        transport, protocol = await super().create_connection(*arguments, **options)
        if life is not None:
            life.adopt(transport)
        return transport, protocol


def _begin_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:  # Any: as asyncio's
    task = asyncio.Task(work, loop=loop, **options)
    if (life := life_here()) is not None:
        life.take_on(task)
    return task


def _pass_over_the_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # Any: asyncio's own type
    """A client that nobody could close complains when it is collected."""
    if not str(context.get("message", "")).startswith("Unclosed"):
        loop.default_exception_handler(context)


class Fates(Armed):
    """The faults of this test: each life meets its own."""

    def __init__(self) -> None:
        numbers = random.Random(0)
        super().__init__(Draw({}, random_numbers=numbers), random_numbers=numbers)

    async def strike(self, point: Point, *, line: Line | None) -> None:
        if (life := life_here()) is not None:
            await life.reach(point)


class WhenIdle(Shutdown):
    """The request to stop that comes as soon as a loop has nothing to do, or waits for what is away."""

    async def wait(self, timeout_seconds: float | None = None) -> bool:
        self.request()
        return True

    async def wait_or(self, event: asyncio.Event, timeout_seconds: float) -> None:
        self.request()


class UntilIdle(WhenIdle):
    """The same for a loop that has something under way: whoever looks on asks it to stop, when nothing moves."""

    def __init__(self) -> None:
        super().__init__()
        self._waits = 0

    @property
    def is_idle(self) -> bool:
        """Whether it has waited in vain twice in a row: what it does after a first wait may still make news."""
        return self._waits >= 2

    async def wait_or(self, event: asyncio.Event, timeout_seconds: float) -> None:
        await Shutdown.wait_or(self, event, timeout_seconds)
        self._waits = 0 if event.is_set() else self._waits + 1


Condition = Callable[[], Coroutine[Any, Any, bool]]


async def until(condition: Condition, *, seconds: float = 60) -> None:
    """Wait for what has to come; generous, as it is only ever reached by a bug."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.005)


async def wait_for_backends(database: Database, life: Life) -> None:
    """Until the database has noticed that the life is dead, and has rolled back what it left open."""

    async def are_gone() -> bool:
        async with database.transaction() as tx:
            return not await tx.fetch(
                """
                SELECT FROM pg_stat_activity JOIN unnest($1::int[], $2::int[]) AS cut (here, there)
                    ON client_port = here AND inet_server_port() = there
                WHERE pid <> pg_backend_pid()
                """,
                [here for here, _ in life.cut_lines],
                [there for _, there in life.cut_lines],
            )

    await until(are_gone)


def _ports(line: asyncio.Transport) -> tuple[int, int]:
    return line.get_extra_info("sockname")[1], line.get_extra_info("peername")[1]
