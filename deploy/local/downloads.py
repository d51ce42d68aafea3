"""Fetches Kafka's jars: several at once, resumed where they stopped, trusted only by their checksum."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import httpx

from deploy.local import complaints
from deploy.local.kafka_lock import Jar
from deploy.local.locks import in_turn

AT_ONCE = 8
TRIES = 3


class Progress(Protocol):
    """Is told how the download goes."""

    def started(self, *, jars: int) -> None: ...

    def received(self, byte_count: int) -> None: ...

    def finished_one(self) -> None: ...


def missing_jars(jars: Sequence[Jar], *, folder: Path) -> list[Jar]:
    return [jar for jar in jars if not (folder / jar.name).exists()]


async def fetch_jars(jars: Sequence[Jar], *, repository: str, folder: Path, progress: Progress) -> None:
    """Make `folder` hold every jar; a second process may want the same. `repository` is the base URL."""
    async with in_turn(folder / ".lock"):
        await _fetch_all(missing_jars(jars, folder=folder), repository=repository, folder=folder, progress=progress)


async def _fetch_all(jars: Sequence[Jar], *, repository: str, folder: Path, progress: Progress) -> None:
    progress.started(jars=len(jars))
    turn = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=repository, follow_redirects=True, timeout=30) as client:
        results = await asyncio.gather(
            *(_fetch_in_turn(client, jar, folder=folder, progress=progress, turn=turn) for jar in jars),
            return_exceptions=True,
        )
    _complain_of([result for result in results if result is not None])


async def _fetch_in_turn(
    client: httpx.AsyncClient, jar: Jar, *, folder: Path, progress: Progress, turn: asyncio.Semaphore
) -> None:
    async with turn:
        for tries_left in reversed(range(TRIES)):
            try:
                await _fetch(client, jar, folder=folder, received=progress.received)
                break
            except httpx.HTTPError:
                if not tries_left:
                    raise
        progress.finished_one()


async def _fetch(client: httpx.AsyncClient, jar: Jar, *, folder: Path, received: Callable[[int], None]) -> None:
    part = folder / f"{jar.name}.part"
    already = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={already}-"} if already else {})
    async with client.stream("GET", jar.path, headers=headers) as answer:
        if answer.status_code != httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:  # then the part is complete already
            answer.raise_for_status()
            resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
            with part.open("ab" if resumed else "wb") as file:
                async for chunk in answer.aiter_raw():
                    file.write(chunk)
                    received(len(chunk))
    _accept(part, jar, folder=folder)


def _accept(part: Path, jar: Jar, *, folder: Path) -> None:
    with part.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != jar.sha256:
        part.unlink()
        raise complaints.wrong_checksum(jar.name)
    part.rename(folder / jar.name)


def _complain_of(failures: Sequence[BaseException]) -> None:
    unreachable = [failure for failure in failures if isinstance(failure, httpx.HTTPError)]
    for failure in failures:
        if failure not in unreachable:
            raise failure
    if unreachable:
        reason = str(unreachable[0]) or type(unreachable[0]).__name__
        raise complaints.no_network(len(unreachable), reason) from unreachable[0]
