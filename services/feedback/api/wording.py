"""The words of the pages: content files in `templates/`, one for each language, in typed form."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import msgspec

from libs.common.errors import Fatal
from libs.common.vocabulary import Language

TEMPLATES = Path(__file__).parents[1] / "templates"

Section = Mapping[str, str]
"""Words by name. Templates say `words.rating.title`."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page that only says something."""

    title: str
    text: str
    closing: str


class Wording(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language: its words by page, and how it writes numbers and dates."""

    language: Language
    thousands: str
    decimal: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    shared: Section
    statistics: Section
    categories: Section
    recipients: Section
    verify: Section
    rating: Section
    recipient: Section
    choices: Section
    hints: Section
    unsubscribe: Section
    register: Section
    registration: Section
    flaws: Section
    assets: Section
    states: Section
    progress: Section
    done: Section
    messages: Mapping[str, Message]

    def number(self, value: int) -> str:
        return f"{value:,}".replace(",", self.thousands)

    def mean(self, value: float) -> str:
        return f"{value:.1f}".replace(".", self.decimal)

    def day(self, moment: date) -> str:
        return f"{moment.day} {self.months[moment.month - 1]} {moment.year}"

    def month(self, name: str) -> str:
        """`2026-05` as `May 2026`."""
        year, _, month = name.partition("-")
        return f"{self.months[int(month) - 1]} {year}"

    def short_month(self, name: str) -> str:
        """`2026-05` as `May`."""
        return self.short_months[int(name.partition("-")[2]) - 1]

    def title_of(self, incident: str, titles: Mapping[str, Mapping[Language, str]]) -> str:
        """The incident's title in this language, or in English, or in another, or its slug in words."""
        known = titles.get(incident, {})
        wanted = (known[language] for language in (self.language, Language.ENGLISH, *known) if language in known)
        return next(wanted, incident.replace("-", " "))

    def category(self, category: str) -> str:
        """An RSIT category in plain words: those of its type where there are some, else of its class, else itself."""
        return self.categories.get(category) or self.categories.get(category.partition("/")[0]) or category


def read_wordings(folder: Path = TEMPLATES) -> Mapping[Language, Wording]:
    """All languages. Raises `Fatal` when one lacks a word that another has: better now than on somebody's page."""
    wordings = {language: _read(folder / f"{language}.toml") for language in Language}
    names = {language: frozenset(_names(msgspec.to_builtins(wording))) for language, wording in wordings.items()}
    everything = frozenset().union(*names.values())
    lacking = [f"{language}: {name}" for language in names for name in sorted(everything - names[language])]
    if lacking:
        raise Fatal(f"words are missing from templates/: {', '.join(lacking)}")
    return wordings


def _read(path: Path) -> Wording:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Wording)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Fatal(f"{path.name}: {error}") from error


def _names(words: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in words.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield prefix + name
