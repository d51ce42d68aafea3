"""What goes on for registrations as long as the service runs. Each round is bounded, however many there are."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from libs.common.db import Database
from libs.common.rounds import go_round, unless_ended
from libs.common.shutdown import Shutdown
from services.attribution import store
from services.attribution.handlers.self_registrations.following import follow_some
from services.attribution.handlers.self_registrations.proving import Proving
from services.attribution.handlers.self_registrations.taking_up import Customs, take_up_some

TAKEN_UP_AT_ONCE = 25
BETWEEN_ROUNDS_SECONDS = 2.0
"""Also when more wait: each round makes all batches read anew who is registered."""

FOLLOWED_AT_ONCE = 200
IDLE_SECONDS = 1.0
BETWEEN_QUESTIONS_SECONDS = 5.0
"""Each replica puts a question to registries so often at most: those that the ladder asks for go by the same rate, and
strangers are not to take it all.
"""

BETWEEN_LOOKS_SECONDS = 10.0
BETWEEN_SWEEPS_SECONDS = 3600.0
FORGOTTEN_AFTER = timedelta(days=30)
FORGOTTEN_AT_ONCE = 500


class SelfRegistrations:
    """The rounds, each a loop of its own, so that a registry that is slow holds up nothing else."""

    def __init__(self, database: Database, proving: Proving, customs: Customs) -> None:
        self._database, self._proving, self._customs = database, proving, customs

    async def run(self, shutdown: Shutdown) -> None:
        """A task of the service. What is under way at shutdown is done by whoever lives."""
        rounds: tuple[tuple[Callable[[], Awaitable[bool]], str, float], ...] = (
            (self.take_up, "registrations not taken up", BETWEEN_ROUNDS_SECONDS),
            (self._dropped_at(shutdown, self._proving.look_some), "records not looked for", BETWEEN_LOOKS_SECONDS),
            (self._dropped_at(shutdown, self._ask), "registries' contacts not asked", BETWEEN_QUESTIONS_SECONDS),
            (self.follow, "not told how far registrations are", IDLE_SECONDS),
            (self.forget, "withdrawn registrations not forgotten", BETWEEN_SWEEPS_SECONDS),
        )
        async with asyncio.TaskGroup() as tasks:
            for work, in_trouble, pause in rounds:
                tasks.create_task(go_round(work, shutdown, in_trouble=in_trouble, pause_seconds=pause))

    async def take_up(self) -> bool:
        """One round. More is left to the next one, which comes in its time."""
        async with self._database.transaction() as tx:
            now = self._database.now()
            await take_up_some(tx, customs=self._customs, limit=TAKEN_UP_AT_ONCE, now=now)
        return False

    async def follow(self) -> bool:
        async with self._database.transaction() as tx:
            now = self._database.now()
            followed = await follow_some(tx, limit=FOLLOWED_AT_ONCE, now=now)
        return followed >= FOLLOWED_AT_ONCE

    async def forget(self) -> bool:
        async with self._database.transaction() as tx:
            before = self._database.now() - FORGOTTEN_AFTER
            gone = await store.self_registrations.forget_withdrawn(tx, before=before, limit=FORGOTTEN_AT_ONCE)
        return gone >= FORGOTTEN_AT_ONCE

    async def _ask(self) -> bool:
        await self._proving.ask_one()
        return False

    def _dropped_at(self, shutdown: Shutdown, work: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
        """A look or a question outside may take its time, and the end does not wait for it."""

        async def round_of_it() -> bool:
            return bool(await unless_ended(shutdown, work()))

        return round_of_it
