"""Two partners who are not believed alone: what one has found is held until the other has found it too, and then goes
on by itself, once, whoever dies in between.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx

from deploy.doubles.partner import TAKEN, ClumsyPartner
from libs.common.faults import AT_PARTNERS, draw_of
from tests.chaos.ways import OBJECTS, collection_of, objects_payload

NAMES = ("doubter", "sceptic")
RELIABILITY = "D"
SURE_PERCENT = 10
"""With that reliability too little to be believed, and enough once somebody else says the same."""

FIRST_DOUBTED = 2 * 10**9
PUSHED_WITHIN_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Doubter:
    """One of them, with its own key and its own collection."""

    name: str
    key: str
    collection: str


async def admit_doubters(
    operator: httpx.AsyncClient, client_with: Callable[[str], httpx.AsyncClient]
) -> tuple[Doubter, ...]:
    """Make partners of them."""
    return tuple([await _admit(operator, name, client_with) for name in NAMES])


async def _admit(operator: httpx.AsyncClient, name: str, client_with: Callable[[str], httpx.AsyncClient]) -> Doubter:
    body = {"slug": name, "name": name, "reliability": RELIABILITY, "contact_email": f"desk@{name}.example"}
    partner = (await operator.post("/v1/partners", json=body)).raise_for_status().json()
    key = (await operator.post(f"/v1/partners/{partner['id']}/keys", json={})).raise_for_status().json()["key"]
    async with client_with(key) as client:
        return Doubter(name, key, await collection_of(client))


async def find_the_same(
    doubters: tuple[Doubter, ...],
    client_with: Callable[[str], httpx.AsyncClient],
    *,
    first: int,
    seed: int,
    seconds: float,
    faults: str,
) -> dict[UUID, int]:
    """Each pushes the same objects, some time within `seconds`; the submissions that were answered, with their records.

    `first` is the number of the first object.
    """
    chance = random.Random(seed)
    pushes = [
        _find(doubter, client_with, first=first, after=chance.uniform(0, seconds), faults=faults)
        for doubter in doubters
    ]
    return dict.fromkeys(await asyncio.gather(*pushes), OBJECTS)


async def _find(
    doubter: Doubter, client_with: Callable[[str], httpx.AsyncClient], *, first: int, after: float, faults: str
) -> UUID:
    await asyncio.sleep(after)
    draw = draw_of(faults, known=AT_PARTNERS, seed=0, tally=None)
    payload = objects_payload(
        doubter.collection,
        first=first,
        key=f"chaos-{doubter.name}-{first}",
        now=datetime.now(UTC),
        sure_percent=SURE_PERCENT,
    )
    async with client_with(doubter.key) as client:
        push = await ClumsyPartner(client, draw=draw, patience_seconds=PUSHED_WITHIN_SECONDS).push(payload)
    assert push.answer.status_code in TAKEN, f"{doubter.name} was answered {push.answer.status_code}"
    return UUID(push.answer.json()["id"])
