"""What a page says of a setting's default is so. docs/settings.md is made from the code; prose is not.

Read are `NAME` (value), (`NAME`, value) and value (`NAME`), with a unit or a few words, and some sentences without.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local.layout import SERVICES
from deploy.tools.generated import settings_of
from tests.contracts.test_documentation import PAGES, PROJECT

NUMBER = r"\d[\d,]*(?:\.\d+)?|a tenth|a twentieth"
UNIT = r"seconds?|minutes?|hours?|days?|MiB|GiB"
NAME = r"`(?:TOCSIN_|…_?)?([A-Z][A-Z0-9_]+)`"
AFTER = re.compile(rf"{NAME}(?: \(|, )({NUMBER})(?: ({UNIT}))?(?=[);:, ])")
BEFORE = re.compile(rf"\b({NUMBER})(?: ({UNIT}))?(?: [a-z][a-z, \n]{{0,60}})? \({NAME}\)")
FRACTIONS = {"a tenth": 0.1, "a twentieth": 0.05}
BASE = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "MiB": 1024**2, "GiB": 1024**3}
"""In seconds, or in bytes."""

WITHOUT_NAMES = {
    ("notifier", "docs/for-operators.md"): (
        "After {RETRY_GREATEST_AGE_HOURS} hours `expired`, critical and high ones after {RETRY_CRITICAL_HOURS}",
        "Again as above, for {RETRY_FULL_MAILBOX_HOURS} hours, then the next contact",
        "for {RETRY_HIGH_HOURS} hours a critical or high mail fails, any other after {RETRY_GREATEST_AGE_HOURS}",
        "| `over-cap` | {CAP_OVERDUE_HOURS} hours |",
        "| a reminder after {REPEAT_INTERVAL_DAYS} days, the next after {twice} more, then {four_times};",
        "critical {REMINDERS_CRITICAL}, high {REMINDERS_HIGH}, medium {REMINDERS_MEDIUM}, low {REMINDERS_LOW}, info",
        "| {RECIPIENT_DAILY_CAP}, {DOMAIN_DAILY_CAP}, {INCIDENT_DAILY_CAP}, {TOTAL_DAILY_CAP} |",
        "| at {ROUND_UP_TIME}, on a business day |",
    ),
    ("intake", "docs/for-partners.md"): (
        "| requests with one key | {REQUESTS_BURST} at once, {REQUESTS_PER_MINUTE} a minute on average |",
        "Without a key the same payload, pushed by you within {REPEAT_WINDOW_HOURS} hours",
        "Nothing came for {BODY_IDLE_SECONDS} seconds.",
    ),
}


class Told(NamedTuple):
    """A default as a page has it."""

    name: str
    value: float
    unit: str


@cache
def defaults() -> dict[str, object]:
    """Of every setting that has one, by its whole name."""
    return {
        f"TOCSIN_{service}_{name}".upper(): field.default
        for service in SERVICES
        for name, field in settings_of(service).model_fields.items()
        if not field.is_required()
    }


def default_of(name: str) -> set[object]:
    """What a setting has that is named in full, without its service, or by its end; in each service that has it."""
    for pattern in (rf"TOCSIN_{name}", rf"TOCSIN_[A-Z]+_{name}", rf"TOCSIN_[A-Z_]+_{name}"):
        if found := {value for known, value in defaults().items() if re.fullmatch(pattern, known)}:
            return found
    return set()


def told_in(text: str) -> list[Told]:
    named_first = [Told(name, _number(value), unit) for name, value, unit in AFTER.findall(text)]
    return named_first + [Told(name, _number(value), unit) for value, unit, name in BEFORE.findall(text)]


def _number(value: str) -> float:
    return FRACTIONS[value] if value in FRACTIONS else float(value.replace(",", "").rstrip("."))


def in_its_unit(told: Told) -> float:
    """The value in the unit that the setting's name ends with."""
    own = told.name.rpartition("_")[2].lower().removesuffix("s")
    if not told.unit:
        return told.value
    return told.value * BASE[told.unit.removesuffix("s")] / BASE.get(own, 1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_a_default_that_a_page_tells_is_the_settings(page: Path) -> None:
    wrong = {
        told: default_of(told.name)
        for told in told_in(page.read_text())
        if in_its_unit(told) not in default_of(told.name)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("service", "page", "sentence"),
    [(*where, each) for where, all_of_them in WITHOUT_NAMES.items() for each in all_of_them],
)
def test_a_default_that_a_page_tells_without_its_name_is_the_settings(service: str, page: str, sentence: str) -> None:
    prefix = f"TOCSIN_{service.upper()}_"
    values = {name.removeprefix(prefix): _in_prose(value) for name, value in defaults().items()}
    interval = int(values["REPEAT_INTERVAL_DAYS"]) if service == "notifier" else 0
    filled = sentence.format_map(values | {"twice": interval * 2, "four_times": interval * 4})
    assert filled in (PROJECT / page).read_text()


def _in_prose(value: object) -> str:
    return f"{value:,g}" if isinstance(value, int | float) and value < 1_000_000 else str(value)


def test_defaults_are_found_in_all_the_ways_in_which_pages_tell_them() -> None:
    """So that a pattern that stops matching is noticed."""
    told = {each for page in PAGES for each in told_in(page.read_text())}
    assert told >= {
        Told("NOTIFIER_APPROVAL_CONFIDENCE", 0.45, ""),
        Told("PATIENCE_SECONDS", 900, ""),
        Told("UNREAD_LIMIT_BYTES", 16, "GiB"),
        Told("UNATTRIBUTED_OVERDUE_HOURS", 7, "days"),
        Told("DEAD_LETTER_LIMIT", 1000, ""),
        Told("FIRST_WAVE_SHARE", 0.1, ""),
        Told("MOST_WRONG", 0.05, ""),
        Told("LEAST_USEFUL", 3, ""),
        Told("NOTIFIER_SMTP_CONNECTIONS", 32, ""),
    }
