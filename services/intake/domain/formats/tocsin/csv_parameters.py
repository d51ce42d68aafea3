"""Judges how a partner wants its own table read as `tocsin-csv`: all that is wrong at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from libs.common.text import plain
from services.intake.domain.categories import category_of
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.extras import names_a_secret
from services.intake.domain.formats.tocsin.csv_fields import FIELDS, SHORT_FORMS
from services.intake.domain.formats.tocsin.records import IDENTIFIER

MAX_PAIRS = 40
MAX_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a parameter."""

    parameter: str
    code: str
    message: str


def faults_of(reading: CsvReading) -> tuple[Fault, ...]:
    """All that is wrong, in the order of the parameters."""
    faults = list(_faults_of_columns(reading.columns))
    if reading.category is not None and not category_of(reading.category):
        faults.append(Fault("category", "unknown-category", "this is not a category that we know"))
    if reading.identifier is not None and not IDENTIFIER.fullmatch(reading.identifier):
        faults.append(Fault("identifier", "invalid-identifier", "an identifier is like 'open-smb'"))
    if reading.timezone is not None and reading.timezone not in _time_zones():
        faults.append(Fault("timezone", "invalid-timezone", "a time zone is like 'Europe/Amsterdam'"))
    return tuple(faults)


def columns_of(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs of `their:ours,their2:ours2`, in lower case; a part without a colon is a pair without our name."""
    parts = [part.rpartition(":") if ":" in part else (part, "", "") for part in text.split(",")]
    return pairs_of((theirs, ours) for theirs, _, ours in parts)


def pairs_of(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The pairs with both names as they are compared."""
    return tuple((_name(theirs), _name(ours)) for theirs, ours in pairs)


_NO_ZONES = {"Factory", "localtime", "posixrules"}
"""What is a file among the zones of a machine, and says something else on each."""


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def _name(text: str) -> str:
    return plain(text, 4_096).strip().lower()


def _faults_of_columns(columns: tuple[tuple[str, str], ...]) -> Iterator[Fault]:
    """A name of a secret is refused on both sides: under another name, its column would be no secret any more."""
    if len(columns) > MAX_PAIRS:
        yield Fault("map", "invalid-map", f"there are {len(columns)} pairs; at most {MAX_PAIRS} are read")
    for place, (theirs, ours) in enumerate(columns[:MAX_PAIRS], 1):
        others = columns[: place - 1]
        if not theirs or not ours or max(len(theirs), len(ours)) > MAX_NAME_CHARS:
            yield Fault("map", "invalid-map", f"pair {place} is not 'their:ours'")
        elif names_a_secret(theirs) or (ours.startswith("extra.") and names_a_secret(ours)):
            yield Fault("map", "invalid-map", f"pair {place} names a secret, which is never taken")
        elif SHORT_FORMS.get(ours, ours) not in FIELDS and not (ours.startswith("extra.") and ours != "extra."):
            yield Fault("map", "invalid-map", f"pair {place}: the format has no column '{ours}'")
        elif theirs in [other for other, _ in others]:
            yield Fault("map", "invalid-map", f"pair {place}: '{theirs}' is named twice")
        elif SHORT_FORMS.get(ours, ours) in [SHORT_FORMS.get(other, other) for _, other in others]:
            yield Fault("map", "invalid-map", f"pair {place}: '{ours}' is filled twice")
