"""What the machines of this folder have in common: steps that await, plans of such steps, and how many are tried."""

import asyncio
import os
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, None]])

BATCH = 9
"""Plans tried with one seed. After ten of them hypothesis varies those it has; here others find more."""

BATCHES_VARIABLE = "TOCSIN_MODEL_BATCHES"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan: a method of a machine, and what it is called with."""

    name: str
    values: Mapping[str, Any]  # Any: whatever each step draws


Plan = Sequence[Step | None]
"""Drawn before anybody takes a step, so that it can't depend on who was faster. None is a pause: a step left out."""


def step(*, weight: int = 1, **drawn: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """Make a method a step of its machine's plans. At the wrong moment it does nothing."""

    def mark(act: F) -> F:
        # A new one each time: hypothesis passes over what it has in its list already.
        act.__dict__["kinds"] = [
            st.builds(Step, st.just(act.__name__), st.fixed_dictionaries(drawn)) for _ in range(weight)
        ]
        return act

    return mark


class Machine:
    """One example: begins at nothing, takes its steps, settles, and leaves nobody alive."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this in the event loop, where the lives are; between two steps nobody moves."""
        return self._runner.run(work)

    def follow(self, plan: Plan) -> None:
        for taken in plan:
            if taken is not None:
                self.run(getattr(self, taken.name)(**taken.values))

    async def settle(self) -> None:
        """Let all that is under way come to its end, and check it."""
        raise NotImplementedError

    async def end(self) -> None:
        """Leave nobody alive, also after a failure."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if error is None:
                self.run(self.settle())
        finally:
            self.run(self.end())


def plans_for(machine: type[Machine], *, steps: int) -> st.SearchStrategy[Plan]:
    """So many steps, each of any kind."""
    acts = {name: act for each in reversed(machine.__mro__) for name, act in vars(each).items()}
    kinds = [kind for act in acts.values() for kind in getattr(act, "kinds", ())]
    return st.lists(st.one_of(st.none(), *kinds), min_size=steps, max_size=steps)


def try_plans(machine: type[Machine], begin: Callable[[], Machine], *, batches: int, steps: int) -> None:
    """The same plans at every run, unless a person asks for so many batches of others, chosen at random."""
    wanted = int(os.environ.get(BATCHES_VARIABLE, "0"))
    first = random.randrange(2**32) if wanted else 0
    for number in range(first, first + (wanted or batches)):
        with told_of(f"the seed {number}"):
            _try_batch(plans_for(machine, steps=steps), begin, number)


def _try_batch(plans: st.SearchStrategy[Plan], begin: Callable[[], Machine], number: int) -> None:
    @seed(number)
    @settings(
        max_examples=BATCH,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(plan=plans)
    def example(plan: Plan) -> None:
        with begin() as machine:
            machine.follow(plan)

    example()


@contextmanager
def told_of(what: object) -> Iterator[None]:
    """A failure in this block says what it was about."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"with {what}")
        raise


@contextmanager
def entered(runner: asyncio.Runner, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """`async with`, for those who are not in the event loop."""
    yield runner.run(context.__aenter__())
    runner.run(context.__aexit__(None, None, None))
