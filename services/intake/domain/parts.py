"""A submission of several parts, as the members of an archive are: read one after another, its records numbered on."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from libs.common.text import plain
from services.intake.domain.archives import Part
from services.intake.domain.records import ParsedRecord, PayloadError, Record, RecordError, RejectedRecord, quoted

PART = "part"
"""The name in `extra` of the part that a record is from, where there are several."""

_MAX_EXTRA = 64
_MAX_NAME_CHARS = 200


def numbered_through(parts: Sequence[Part], read: Callable[[Part], Iterator[Record]]) -> Iterator[Record]:
    """The records of all parts. Of several, each tells its part: in `extra`, in its messages, in a refusal.

    A part without a record is none that is missed, as long as another has some.
    """
    if len(parts) == 1:
        yield from read(parts[0])
        return
    last, empty = 0, None
    for number, part in enumerate(parts, 1):
        before, name = last, part.name or str(number)
        try:
            for record in read(part):
                last = before + record.record
                yield _told(record, before=before, name=name)
        except PayloadError as error:
            if error.code != "empty-payload":
                raise refused_in(error, name) from error
            empty = empty or error
    if empty and not last:
        raise empty


def refused_in(error: PayloadError, name: str) -> PayloadError:
    """The refusal, telling in which part that is."""
    return PayloadError(error.status, error.code, f"in {quoted(name)}: {error.message}")


def _told(record: Record, *, before: int, name: str) -> Record:
    number = before + record.record
    if isinstance(record, RejectedRecord):
        return RejectedRecord(number, record.line, tuple(_in_part(each, number, name) for each in record.errors))
    indicator = record.indicator
    if len(indicator.extra) < _MAX_EXTRA:
        indicator = msgspec.structs.replace(indicator, extra=indicator.extra | {PART: plain(name, _MAX_NAME_CHARS)})
    return ParsedRecord(number, record.line, indicator, tuple(_in_part(each, number, name) for each in record.warnings))


def _in_part(error: RecordError, record: int, name: str) -> RecordError:
    return msgspec.structs.replace(error, record=record, message=f"in {quoted(name)}: {error.message}")
