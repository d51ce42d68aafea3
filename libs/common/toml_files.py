"""TOML files that a person writes and a service reads: whatever is wrong is named, all at once, each with its line."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from libs.common.toml_lines import Place, line_at, lines_of


class FileFault(msgspec.Struct, frozen=True, order=True):
    """What is wrong, where: the line (1-based), and the rule by its dotted name."""

    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.rule}: {self.message}"


class BrokenFile(Exception):
    """A file that can't be taken, with everything that is wrong in it."""

    def __init__(self, faults: Iterable[FileFault]) -> None:
        self.faults = sorted(faults)
        super().__init__("; ".join(map(str, self.faults)))


class Wrong(Exception):
    """A value that can't be taken; whoever reads the file knows its place."""


class TomlFile:
    """A document that could be parsed, and where each thing in it stands."""

    def __init__(self, text: str) -> None:
        """Raises `BrokenFile` for what is no TOML."""
        self.document: Mapping[str, Any] = _parsed(text)  # Any: what a TOML table holds
        self._lines = lines_of(text)

    def fault(self, place: Place, message: str) -> FileFault:
        return FileFault(line_at(self._lines, place), ".".join(map(str, place)), message)


def _parsed(text: str) -> Mapping[str, Any]:  # Any: what a TOML table holds
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BrokenFile([_fault_of_syntax(text, str(error))]) from error
    except RecursionError as error:
        raise BrokenFile([FileFault(1, "syntax", "it is nested too deeply")]) from error


def _fault_of_syntax(text: str, message: str) -> FileFault:
    """The parser says `… (at line 3, column 5)`, or that the document ended too early."""
    found = re.search(r" \(at line (\d+), column \d+\)$", message)
    line = int(found[1]) if found else text.count("\n") + 1
    return FileFault(line, "syntax", message[: found.start()] if found else message)


def known(name: str, names: Mapping[str, Any], kind: str) -> Any:  # Any: whatever is known by names
    if name not in names:
        raise Wrong(f"there is no such {kind}; there are {listed(names)}")
    return names[name]


def number(value: object, *, least: float, most: float, is_whole: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Wrong(f"{value!r} is not a number from {least:g} to {most:g}")
    if is_whole and value != int(value):
        raise Wrong(f"{value!r} is not a whole number")
    return value


def country_codes(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(re.fullmatch("[A-Z]{2}", str(each)) for each in value):
        raise Wrong('it must be a list of two-letter codes, such as ["NL"]')
    return frozenset(map(str, value))


def listed(names: Iterable[str]) -> str:
    return ", ".join(names)
