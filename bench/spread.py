"""What several rounds, or many samples, come to."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of some rounds, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Of at least one value."""
        ordered = sorted(values)
        return cls(median=statistics.median(ordered), least=ordered[0], most=ordered[-1])

    def __str__(self) -> str:
        if self.least == self.most:
            return plain(self.median)
        return f"{plain(self.median)} ({plain(self.least)}-{plain(self.most)})"

    def figures(self, name: str) -> dict[str, float]:
        """For the file of results: the median by this name, the others beside it."""
        return {
            name: round(self.median, 3),
            f"{name}_least": round(self.least, 3),
            f"{name}_most": round(self.most, 3),
        }


def plain(value: float) -> str:
    """Three figures say enough: 12,300 but 1.23."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that `percent` of all are not above (nearest rank): one that was really seen."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
