"""Where things stand in a TOML file that a person wrote. Its reader says what is wrong, and not in which line."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

Place = tuple[str | int, ...]
"""Names of tables and keys, and which of the tables of one name (from 0)."""

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_TABLE = re.compile(rf"\s*\[(\[)?\s*({_DOTTED})\s*\]")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_QUOTES = "\"'"


def lines_of(text: str) -> Mapping[Place, int]:
    """Each table and key with its line (1-based). What stands in a text of several lines is neither."""
    return dict(_lines_of(text))


def line_at(lines: Mapping[Place, int], place: Place) -> int:
    """The line of a key, or where there is none of the table that it stands in; the first, where neither is written."""
    enclosing = (place[:length] for length in range(len(place), 0, -1))
    return next((lines[each] for each in enclosing if each in lines), 1)


def _lines_of(text: str) -> Iterator[tuple[Place, int]]:
    table: Place = ()
    times = Counter[Place]()
    is_within_text = False
    for number, line in enumerate(text.splitlines(), 1):
        if not is_within_text and (heading := _TABLE.match(line)):
            name = _names(heading[2])
            table = (*name, times[name]) if heading[1] else name
            times[name] += 1
            yield table, number
        elif not is_within_text and (key := _KEY.match(line)):
            yield (*table, *_names(key[1])), number
        is_within_text ^= (line.count('"""') + line.count("'''")) % 2 == 1


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(name.strip(_QUOTES) for name in re.findall(_NAME, dotted))
