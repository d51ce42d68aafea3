"""The style sheet's colours can be told apart (WCAG 2.2, 1.4.3 and 1.4.11), and it loads nothing."""

import re

import pytest

from services.feedback.api.pages import STATIC

SHEET = (STATIC / "pages.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{([^}]*)\}", SHEET)[:2]
)

TEXT = [
    ("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card"), ("accent", "paper"), ("accent", "card"),
    ("accent-strong", "card"), ("on-accent", "accent"), ("on-accent", "accent-strong"), ("good", "good-paper"),
    ("bad", "bad-paper"), ("bad", "card"), ("bad", "paper"), ("ink", "good-paper"), ("ink", "bad-paper"),
    ("accent", "bad-paper"), ("soft", "good-paper"),
]  # fmt: skip
SHAPES = [("edge", "card"), ("accent", "rail"), ("accent", "card"), ("bell", "card"), ("good", "paper")]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_controls_can_be_seen_in_light_and_dark(colours: dict[str, str]) -> None:
    faint = [pair for pair in TEXT if contrast(colours[pair[0]], colours[pair[1]]) < 4.5]
    faint += [pair for pair in SHAPES if contrast(colours[pair[0]], colours[pair[1]]) < 3]

    assert not faint


def test_the_style_sheet_loads_nothing() -> None:
    assert "url(" not in SHEET
    assert "@import" not in SHEET
