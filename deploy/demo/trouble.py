"""Trouble on purpose: which faults a demo arms, at whom, and how often each of them has struck.

`FAULTS` says which: `all`, each with a gentle chance; or names, such as `crash-after-commit:0.02,slow-publish`, also of
one service only (`notifier:crash-after-data:0.05`), or so many times at most (`disk-full:1x2`).
"""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from deploy.demo.stage import demo_folder
from deploy.local.complaints import Complaint
from deploy.local.layout import SERVICES, Layout
from deploy.local.register import read_register
from deploy.local.stack import Stack
from libs.common.errors import Fatal
from libs.common.faults import (
    AT_ATTRIBUTION,
    AT_INTAKE,
    AT_NOTIFIER,
    AT_PARTNERS,
    AT_THE_RELAY,
    EVERYWHERE,
    FAULTS,
    LOSES_AN_ANSWER,
    Chance,
    Draw,
    Fault,
    Kind,
    Point,
    Tally,
    chances_of,
    draw_of,
    written,
)

MOST_STARTS = 5

RELAY, PARTNER = "relay", "partner"

PLACES: Mapping[str, Mapping[str, Fault]] = {
    **dict.fromkeys(SERVICES, EVERYWHERE),
    "intake": {**EVERYWHERE, **AT_INTAKE},
    "attribution": {**EVERYWHERE, **AT_ATTRIBUTION},
    "notifier": {**EVERYWHERE, **AT_NOTIFIER},
    RELAY: AT_THE_RELAY,
    PARTNER: AT_PARTNERS,
}
"""Who can have which faults."""

CRASHES = frozenset(fault.name for fault in FAULTS.values() if fault.kind in {Kind.CRASH, Kind.CRASH_SOON})
PASSED_ALL_THE_TIME = frozenset({Point.TRANSACTION, Point.TRANSACTION_OPEN, Point.CLOCK_READ})
PASSED_SELDOM = frozenset({fault.point for fault in (*AT_INTAKE.values(), *AT_PARTNERS.values())})
GENTLE, GENTLE_OFTEN, GENTLE_SELDOM = 0.02, 0.002, 0.1
CRASHES_SELDOMER = 4
AT_MOST = 1
"""So often each service dies of one fault, or goes deaf: one with twenty ways to die is to get something done too."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The chances of each fault, by who has it."""

    armed: Mapping[str, Mapping[str, Chance]]

    def __bool__(self) -> bool:
        return bool(self.armed)

    def of(self, place: str) -> str:
        """The faults of one place, as its setting has them."""
        return written(self.armed.get(place, {}))

    @property
    def names(self) -> set[str]:
        return {name for chances in self.armed.values() for name in chances}

    @property
    def may_fail_mails(self) -> bool:
        """Whether a mail may be refused for good, or its answer lost twice."""
        return bool(self.names & {"relay-rejects", *LOSES_AN_ANSWER, *CRASHES})


def read_trouble(text: str) -> Trouble:
    """What `FAULTS` says. `Complaint` with all names for one that is unknown."""
    armed: dict[str, dict[str, Chance]] = defaultdict(dict)
    for item in (item.strip() for item in text.split(",") if item.strip()):
        for place, name, chance in _all() if item == "all" else _named(item):
            armed[place][name] = chance
    return Trouble(dict(armed))


def _all() -> Iterator[tuple[str, str, Chance]]:
    for place, faults in PLACES.items():
        yield from ((place, fault.name, gentle(fault)) for fault in faults.values())


def gentle(fault: Fault) -> Chance:
    """A chance with which a demo meets a fault now and then: the smaller, the more often its point is passed."""
    chance = GENTLE_OFTEN if fault.point in PASSED_ALL_THE_TIME else GENTLE
    chance = GENTLE_SELDOM if fault.point in PASSED_SELDOM else chance
    if fault.name in CRASHES:
        return Chance(chance / CRASHES_SELDOMER, most=AT_MOST)
    return Chance(chance, most=AT_MOST if fault.kind is Kind.SILENCE else None)


def _named(item: str) -> Iterator[tuple[str, str, Chance]]:
    """`[PLACE:]NAME[:CHANCE[xTIMES]]`; without a place wherever the fault can strike."""
    first, _, rest = item.partition(":")
    places, asked = ((first,), rest) if first in PLACES and rest else (tuple(PLACES), item)
    name = asked.partition(":")[0]
    where = [place for place in places if name in PLACES[place]]
    if not where:
        raise Complaint(_unknown(name, places))
    try:
        chance = chances_of(asked)[name] if ":" in asked else gentle(FAULTS[name])
    except Fatal as error:
        raise Complaint(f"FAULTS can't be read: {error}.") from error
    yield from ((place, name, chance) for place in where)


def _unknown(name: str, places: tuple[str, ...]) -> str:
    known = sorted({fault for place in places for fault in PLACES[place]})
    whose = f" of {places[0]}" if len(places) == 1 else ""
    return f"There is no fault {name!r}{whose}. FAULTS takes `all`, or names of docs/faults.md: {', '.join(known)}."


async def begin_trouble(stack: Stack, trouble: Trouble, *, console: Console) -> None:
    """From now on the services have their faults. The relay has had its own from the start."""
    if trouble:
        console.print(f"{len(trouble.names)} kinds of faults are switched on.")
        await _restart_services(stack, trouble)


async def end_trouble(stack: Stack, trouble: Trouble, *, console: Console) -> None:
    """What is under way at the services is finished; then they start without faults."""
    if trouble:
        console.print("The faults are switched off.")
        await _restart_services(stack, Trouble({}))


async def _restart_services(stack: Stack, trouble: Trouble) -> None:
    """With these faults in our own environment, from which the services have theirs, also when they die later."""
    folder = tally_folder(stack.layout)
    folder.mkdir(parents=True, exist_ok=True)
    for service in stack.layout.services:
        variable = f"TOCSIN_{service.upper()}_FAULTS"
        os.environ.update({variable: trouble.of(service), f"{variable}_TALLY": str(folder / service)})
    await asyncio.gather(*(_restart(stack, name) for name in stack.layout.service_ports))


async def _restart(stack: Stack, name: str) -> None:
    """Once more where a fault strikes during the start."""
    for attempt in range(MOST_STARTS):
        try:
            await stack.restart(name)
        except Complaint:
            if attempt == MOST_STARTS - 1:
                raise
        else:
            return


def partners_draw(trouble: Trouble, layout: Layout) -> Draw:
    """What partners do wrong."""
    return draw_of(trouble.of(PARTNER), known=AT_PARTNERS, seed=0, tally=tally_folder(layout) / PARTNER)


def tally_folder(layout: Layout) -> Path:
    """Where each place notes the faults that struck it."""
    return demo_folder(layout) / "faults"


def struck(layout: Layout) -> dict[str, Counter[str]]:
    """How often which fault struck, by who had it."""
    files = {place: tally_folder(layout) / place for place in PLACES} | {RELAY: layout.relay_tally}
    counts = {place: Tally(file).counts() for place, file in files.items()}
    return {place: counted for place, counted in counts.items() if counted}


def deaths(layout: Layout) -> Counter[str]:
    """How often each part died and came back."""
    return Counter({entry.name: entry.restarts for entry in read_register(layout.processes) if entry.restarts})
