"""The mail relay of a system under blows. Each plan has its own, which misbehaves as the plan says."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from deploy.local.keeper import Keeper
from deploy.local.layout import PROJECT, Layout
from deploy.local.parts import Part
from deploy.local.preflight import make_folders
from deploy.local.reachability import accepts_connections
from deploy.local.stack import DRILL_SECONDS

MAIL_RELAY = "mail"


class Relay:
    """One relay after another at the same address, with one Maildir and one tally; each comes back when it is killed.

    A ruthless one may lose the answer to one mail twice, after which that mail fails. It never takes one for
    `nobody_at`.
    """

    def __init__(self, layout: Layout, *, ruthless: bool, nobody_at: Sequence[str] = ()) -> None:
        self._layout = layout
        self._ruthless = ruthless
        self._nobody_at = nobody_at
        self._kept: Keeper | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._restarts_of_others = 0

    @property
    def pid(self) -> int | None:
        return self._kept.pid if self._kept else None

    @property
    def restarts(self) -> int:
        return self._restarts_of_others + (self._kept.restarts if self._kept else 0)

    @property
    def has_given_up(self) -> bool:
        """It died so often that it is not started again, unless a plan puts another one in its place."""
        return self._keeping is not None and self._keeping.done()

    @property
    def strikes(self) -> Path:
        """The tally: a line for each fault that struck."""
        return self._layout.home / "strikes"

    async def start(self, *, seed: int, faults: str) -> None:
        """Put a relay with these faults in the place of the one before."""
        await self.stop()
        make_folders(self._layout)
        part = self._part("--seed", str(seed), "--faults", faults, *(("--ruthless",) if self._ruthless else ()))
        self._kept = Keeper(
            part, logs=self._layout.logs, say=lambda _: None, changed=lambda: None, within_seconds=DRILL_SECONDS
        )
        await self._kept.start()
        self._keeping = asyncio.create_task(self._kept.keep())

    async def stop(self) -> None:
        if self._kept and self._keeping:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
            await self._kept.stop()
            self._restarts_of_others += self._kept.restarts
        self._kept = self._keeping = None

    def _part(self, *misbehaviour: str) -> Part:
        host, port = self._layout.smtp
        places = ("--port", str(port), "--maildir", str(self._layout.mail), "--tally", str(self.strikes))
        misbehaviour = (*misbehaviour, "--nobody-at", *self._nobody_at)
        return Part(
            name=MAIL_RELAY,
            command=(sys.executable, "-m", "deploy.doubles.relay", *places, *misbehaviour),
            folder=PROJECT,
            port=port,
            is_ready=lambda: accepts_connections(host, port),
        )
