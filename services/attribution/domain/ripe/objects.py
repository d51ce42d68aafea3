"""One object of a dump as text: its attributes, whatever way they are written."""

import re
from collections.abc import Iterator

MOST_VALUES = 50
LONGEST_VALUE = 1000
"""Bounds on what one object may hold, so that a broken dump can't fill the memory."""

_BLANKS = bytes.maketrans(bytes((*range(10), *range(11, 32), 127)), b" " * 31 + b" ")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ODD = re.compile(r"\n(?:[ +%#]|[a-z0-9-]*[^a-z0-9:\n-])")
"""A line that is not plain: folded, a comment, or with a key that has capitals or a blank before its colon."""


def objects_in(block: bytes) -> Iterator[str]:
    """Whole objects of a dump, each in the plain form that `value_of` reads: a line an attribute, with its end.

    The text is UTF-8 where all of the block is, else latin-1, which reads any byte.
    """
    block = block.translate(_BLANKS, b"\r")
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = block.decode("latin-1")
    for item in text.strip("\n").split("\n\n"):
        end = item.find("\nsource:")
        if end > 0 and _is_plain(item, end):
            yield item[: item.find("\n", end + 1) + 1] or f"{item}\n"
        elif item and item != "\n":
            yield plain_form(item)


def _is_plain(item: str, end: int) -> bool:
    """Whether each attribute up to `source`, at `end`, is one line with a lower-case key, and nothing but its value.

    Of what stands behind `source`, nothing but remarks is plain.
    """
    if not item[0].islower() or item.find("#", 0, end) >= 0 or _ODD.search(item, 0, end) is not None:
        return False
    return item.count("\n", end) - 1 == item.count("\nremarks:", end)


def plain_form(item: str) -> str:
    """The same object with a line for each attribute: folded lines joined to the one above, comments left out."""
    lines: list[str] = []
    for line in item.split("\n"):
        if not line or line[0] in "%#":
            continue
        if line[0] in " +":
            if lines and len(lines[-1]) < LONGEST_VALUE:
                lines[-1] = f"{lines[-1]} {_without_comment(line[1:])}"
        else:
            key, colon, value = line.partition(":")
            if colon and len(lines) < MOST_VALUES * 4:
                lines.append(f"{key.strip().lower()}:{_without_comment(value)}")
    return "\n".join((*lines, ""))


def _without_comment(value: str) -> str:
    return value.partition("#")[0].strip()[:LONGEST_VALUE]


def first_line(item: str) -> tuple[str, str]:
    """The kind of an object, and its key."""
    kind, _, value = item[: item.find("\n")].partition(":")
    return kind, value.strip()


def value_of(item: str, key: str) -> str:
    """The first value of an attribute, whose key comes with a line feed before and a colon behind it."""
    at = item.find(key)
    if at < 0:
        return ""
    at += len(key)
    value = item[at : item.find("\n", at)].strip()
    return value if value.isascii() else _UNPRINTABLE.sub(" ", value)


def values_of(item: str, key: str) -> list[str]:
    """All of them, for an attribute that may be written on several lines, and several to a line."""
    values = []
    at = item.find(key)
    while at >= 0:
        at += len(key)
        values += item[at : item.find("\n", at)].split(",")
        at = item.find(key, at)
    return values
