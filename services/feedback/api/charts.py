"""Bars for counts, in shares of the largest. The templates draw them as SVG, without script or inline style."""

from collections.abc import Callable
from dataclasses import dataclass

from services.feedback.domain.statistics import Shown


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `share` is 0-100 of the largest; a count that is not shown has none."""

    name: str
    label: str
    count: int | None
    share: float


def bars(counts: Shown, *, label_of: Callable[[str], str], at_most: int) -> list[Bar]:
    """The first `at_most` of `counts`, in their order."""
    largest = max((count for count in counts.values() if count), default=1)
    return [
        Bar(name=name, label=label_of(name), count=count, share=round(100 * (count or 0) / largest, 1))
        for name, count in list(counts.items())[:at_most]
    ]
