"""What a reader's eye meets on a page that is open in the browser."""

from itertools import combinations
from pathlib import Path

import msgspec
from playwright.async_api import Page

from tests.unit.feedback.test_colours import contrast

LOOK = (Path(__file__).parent / "sight.js").read_text()
SMALLEST_PX = 14
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3


class Box(msgspec.Struct, frozen=True):
    """Pixels from the window's left and top."""

    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: "Box") -> bool:
        """By more than rounding sideways, and by half a line downwards: tight lines touch."""
        sideways = min(self.right, other.right) - max(self.left, other.left)
        downwards = min(self.bottom, other.bottom) - max(self.top, other.top)
        return sideways > 1 and downwards > min(self.bottom - self.top, other.bottom - other.top) / 2


class Run(msgspec.Struct, frozen=True):
    """A piece of text in one style, with a box for each of its lines. `cut`: a part lies outside what holds it."""

    text: str
    size: float
    ink: str
    paper: str
    cut: bool
    boxes: list[Box]

    def covers(self, other: "Run") -> bool:
        return any(one.covers(another) for one in self.boxes for another in other.boxes)

    def __str__(self) -> str:
        return f"{self.text[:60]!r} ({self.size:g} px, {self.ink} on {self.paper})"


class Sight(msgspec.Struct, frozen=True):
    """`sideways`: by how many pixels the page is wider than the window. `media`: everything that is not text."""

    sideways: int
    runs: list[Run]
    media: list[str]

    def faults(self) -> list[str]:
        """What keeps a reader from reading it all with ease."""
        return [
            *([f"{self.sideways} px too wide"] if self.sideways > 0 else []),
            *(f"cut: {run}" for run in self.runs if run.cut),
            *(f"small: {run}" for run in self.runs if run.size < SMALLEST_PX),
            *(f"faint: {run}" for run in self.runs if contrast(run.ink, run.paper) < LEAST_CONTRAST),
            *(f"on each other: {one} and {other}" for one, other in combinations(self.runs, 2) if one.covers(other)),
        ]


async def look(page: Page, *, width: int, dark: bool) -> Sight:
    """The page as it is in a window of this width, when the reader's device is set to light or dark."""
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme="dark" if dark else "light")
    return msgspec.convert(await page.evaluate(LOOK), Sight)
