"""The keeper: looks after what keeps mails back, as long as the service runs."""

import time
from datetime import date

from libs.common.db import Database
from libs.common.metrics import HOLDS
from libs.common.rounds import go_round
from libs.common.shutdown import Shutdown
from services.notifier.domain.brakes.holds import HoldKind
from services.notifier.handlers.keeping import BrakePolicy, carry_out, forget, keep
from services.notifier.store import holds
from services.notifier.store.volumes import day_of

MARK_SECONDS = 2.0
"""Between two looks for mails that the sender need not see: each reads the queue."""


class Keeper:
    """Runs rounds as long as the service does. Several replicas share the work: each locks what it takes."""

    def __init__(self, *, database: Database, policy: BrakePolicy, pause_seconds: float) -> None:
        self._database = database
        self._policy = policy
        self._pause_seconds = pause_seconds
        self._forgot_on = date.min
        self._mark_at = float("-inf")

    async def run(self, shutdown: Shutdown) -> None:
        await go_round(self._round, shutdown, in_trouble="keeping waits", pause_seconds=self._pause_seconds)

    async def _round(self) -> bool:
        async with self._database.transaction() as tx:
            now = self._database.now()
            marks = time.monotonic() >= self._mark_at
            has_more = await keep(tx, policy=self._policy, now=now, marks=marks)
            standing = [hold.kind for hold in await holds.standing_holds(tx)]
            if (today := day_of(now)) != self._forgot_on:
                await forget(tx, now=now)
                self._forgot_on = today
        if marks and not has_more:
            self._mark_at = time.monotonic() + MARK_SECONDS
        async with self._database.transaction() as tx:
            has_more |= await carry_out(tx, now=self._database.now())
        for kind in HoldKind:
            HOLDS.labels(kind).set(standing.count(kind))
        return has_more
