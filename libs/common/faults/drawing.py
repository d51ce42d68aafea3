"""Which faults strike: chances as they are written down, drawn with a seed, each at most as often as it may."""

import os
import random
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.common.errors import Fatal
from libs.common.faults.registry import FAULTS, Fault, Point

WRITTEN = re.compile(r"(?P<name>[a-z-]+):(?P<chance>\d*\.?\d+)(x(?P<most>\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Chance:
    """A fault strikes with this probability at every pass of its point, at most so often (None: without end)."""

    probability: float
    most: int | None = None

    def __str__(self) -> str:
        probability = f"{self.probability:.6f}".rstrip("0").rstrip(".")
        return probability if self.most is None else f"{probability}x{self.most}"


def chances_of(text: str, *, known: Mapping[str, Fault] = FAULTS) -> dict[str, Chance]:
    """Read `name:chance,name:chancexTIMES`; a chance is above 0 and at most 1. `Fatal` for what can't be read."""
    return dict(_chance_of(item.strip(), known) for item in text.split(",") if item.strip())


def _chance_of(item: str, known: Mapping[str, Fault]) -> tuple[str, Chance]:
    read = WRITTEN.fullmatch(item)
    if read is None or not 0 < float(read["chance"]) <= 1 or read["most"] == "0":
        raise Fatal(f"`{item}` is no fault with a chance from 0 to 1, such as crash-after-commit:0.01 or slow-disk:1x3")
    if read["name"] not in known:
        raise Fatal(f"there is no fault `{read['name']}` here; there are {', '.join(sorted(known))}")
    return read["name"], Chance(float(read["chance"]), int(read["most"]) if read["most"] else None)


def written(chances: Mapping[str, Chance]) -> str:
    """The text that `chances_of` reads."""
    return ",".join(f"{name}:{chance}" for name, chance in chances.items())


def evenly(faults: Collection[str], *, rate: float) -> dict[str, Chance]:
    """Chances for each of these, so that one or the other strikes at about this rate."""
    return {name: Chance(rate / len(faults)) for name in faults}


class Tally:
    """How often each fault has struck: in this life, or in all of them where there is a file that outlives a crash."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._counts: Counter[str] = Counter()

    def counts(self) -> Counter[str]:
        if self._file is None:
            return self._counts
        return Counter(self._file.read_text().split()) if self._file.exists() else Counter()

    def note(self, fault: Fault) -> None:
        """Write it down before it happens: there may be no afterwards."""
        self._counts[fault.name] += 1
        if self._file is not None:
            with self._file.open("a") as file:
                file.write(f"{fault.name}\n")


def draw_of(text: str, *, known: Mapping[str, Fault], seed: int, tally: Path | None) -> "Draw":
    """A draw of the faults in a text. `Fatal` for what can't be read.

    Each process draws numbers of its own: with the same ones in every life it would die at the same place for ever.
    """
    return Draw(chances_of(text, known=known), random_numbers=numbers_of_this_process(seed), tally=Tally(tally))


def numbers_of_this_process(seed: int) -> random.Random:
    return random.Random(f"{seed} {os.getpid()}")  # noqa: S311 - no secret


class Draw:
    """Decides at every pass of a point which of the armed faults strike there."""

    def __init__(
        self, chances: Mapping[str, Chance], *, random_numbers: random.Random, tally: Tally | None = None
    ) -> None:
        self._random = random_numbers
        self._tally = tally or Tally()
        self._at: dict[Point, list[tuple[Fault, Chance]]] = {}
        for name, chance in chances.items():
            self._at.setdefault(FAULTS[name].point, []).append((FAULTS[name], chance))

    def at(self, point: Point) -> Iterator[Fault]:
        """Those that strike now, in the order in which they were armed. Who takes the first alone leaves the others."""
        for fault, chance in self._at.get(point, ()):
            if self._random.random() < chance.probability and self._is_left(fault, chance):
                self._tally.note(fault)
                yield fault

    def _is_left(self, fault: Fault, chance: Chance) -> bool:
        return chance.most is None or self._tally.counts()[fault.name] < chance.most
