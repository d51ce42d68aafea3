"""The stack for those who have no event loop that stays: tests with a loop each, scripts without one."""

from collections.abc import Iterator
from contextlib import contextmanager

from anyio.from_thread import BlockingPortal, start_blocking_portal
from rich.console import Console

from deploy.local.accounts import remove_cluster
from deploy.local.endpoints import Endpoints
from deploy.local.layout import Layout
from deploy.local.stack import Stack, running_stack


class BackgroundStack:
    """A `Stack` that lives in a thread of its own; every call returns when it is done."""

    def __init__(self, stack: Stack, *, portal: BlockingPortal) -> None:
        self._stack = stack
        self._portal = portal

    @property
    def endpoints(self) -> Endpoints:
        return self._stack.endpoints

    def pid(self, name: str) -> int | None:
        return self._stack.pid(name)

    def restart(self, name: str) -> None:
        self._portal.call(self._stack.restart, name)

    def kill(self, name: str) -> None:
        self._portal.call(self._stack.kill, name)


@contextmanager
def stack_in_thread(layout: Layout, *, console: Console | None = None) -> Iterator[BackgroundStack]:
    """`running_stack` without `async`."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running_stack(layout, console=console)) as stack,
    ):
        yield BackgroundStack(stack, portal=portal)


@contextmanager
def throwaway_stack(layout: Layout, *, console: Console | None = None) -> Iterator[BackgroundStack]:
    """`stack_in_thread` that leaves nothing outside of its home, whose owner deletes that."""
    try:
        with stack_in_thread(layout, console=console) as stack:
            yield stack
    finally:
        remove_cluster(layout)
