"""A list that others publish is brought in, all of it or nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from libs.common.db import Database, Transaction
from libs.common.problems import Problem
from services.verifier.domain.lists import BrokenList, Edition

CLOCKS_DIFFER = timedelta(days=1)


class Read(Protocol):
    """A list as it was read."""

    @property
    def made_at(self) -> datetime: ...

    @property
    def entries(self) -> int: ...


S = TypeVar("S", bound=str)
R = TypeVar("R", bound=Read)


async def bring_in(
    database: Database,
    source: S,
    *,
    read: Callable[[], R],
    replace: Callable[[Transaction, Edition[S], R], Awaitable[bool]],
    by: str,
) -> Edition[S]:
    """Read the list off the loop, and replace the one before.

    One that is broken, or older than what is there, changes nothing and is a `Problem`.
    """
    try:
        found = await asyncio.to_thread(read)
    except BrokenList as error:
        raise _broken(str(error)) from error
    async with database.transaction() as tx:
        now = database.now()
        if found.made_at > now + CLOCKS_DIFFER:
            raise _broken("it is from the future")
        edition = Edition(source=source, made_at=found.made_at, entries=found.entries, imported_at=now, imported_by=by)
        if not await replace(tx, edition, found):
            raise Problem(
                409, "older-list", "A newer edition is there already", f"This is of {found.made_at:%Y-%m-%d}."
            )
    return edition


def _broken(why: str) -> Problem:
    return Problem(422, "broken-list", "This is not the list that it should be", f"{why}.")
