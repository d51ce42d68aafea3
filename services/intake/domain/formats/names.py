"""The names under which a payload has what it tells: the columns of its header, or the keys of its first objects."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from libs.common.text import plain
from services.intake.domain.formats.format import Family, Format
from services.intake.domain.formats.recognition import columns_in
from services.intake.domain.json_values import decoded, values_of
from services.intake.domain.records import PayloadError

MAX_NAMES = 512
MAX_NAME_CHARS = 64
_MAX_OBJECTS = 50


def names_in_sight(head: bytes, form: Format, *, charset: str | None) -> tuple[str, ...]:
    """Of a payload that begins so, in order of the alphabet; none where the beginning does not show them.

    Only the outermost keys of objects: what is within them is often made up of other people's words. Names in capitals
    are the same.
    """
    names: set[str] = set()
    with suppress(PayloadError):
        names.update(columns_in(head, charset=charset) if form.is_table else _keys(head, form))
    told = {plain(name[: 4 * MAX_NAME_CHARS], MAX_NAME_CHARS).lower() for name in names} - {""}
    return tuple(sorted(told)[:MAX_NAMES])


def _keys(head: bytes, form: Format) -> Iterator[str]:
    """What is cut off at the end of sight is no object."""
    if Family.MAIL not in form.families:
        for value in islice(values_of(iter([head])), _MAX_OBJECTS):
            members = decoded(value)
            if isinstance(members, dict):
                yield from members
