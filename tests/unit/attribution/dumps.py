"""Rows that were read from a dump, as objects that a test can look at."""

from collections.abc import Iterator

import msgspec

from libs.common.intervals import Interval
from services.attribution.domain.columns import numbers_of, parted
from services.attribution.domain.ranges import numbers_from
from services.attribution.domain.ripe.reading import SPACES, Batch, BlockRead, Kind, read_block


class RangeRow(msgspec.Struct, frozen=True, kw_only=True):
    interval: Interval
    netname: str
    description: str
    country: str
    organisation: str | None
    contact: str | None
    status: str
    ripe_maintained: bool


def read(text: str) -> BlockRead:
    return read_block(text.encode())


def rows(found: BlockRead, kind: Kind) -> list[tuple[str, ...]]:
    """Of a kind that has texts only."""
    columns = found.batches[kind].columns.values()
    return list(zip(*(parted(column) for column in columns), strict=True))


def ranges(found: BlockRead) -> list[RangeRow]:
    return [row for kind in (Kind.INETNUM, Kind.INET6NUM) for row in _ranges(found, kind)]


def one_range(text: str) -> RangeRow:
    (row,) = ranges(read(text))
    return row


def _ranges(found: BlockRead, kind: Kind) -> Iterator[RangeRow]:
    batch = found.batches.get(kind)
    if batch is None:
        return
    columns, space = batch.columns, SPACES[kind]
    for row in zip(
        numbers_from(space, columns["first"]),
        numbers_from(space, columns["last"]),
        parted(columns["name"]),
        parted(columns["description"]),
        (columns["country"][place : place + 2].decode() for place in range(0, len(columns["country"]), 2)),
        _words(batch, "organisation"),
        _words(batch, "contact"),
        _words(batch, "status"),
        columns["guarded"],
        strict=True,
    ):
        first, last, netname, description, country, organisation, contact, status, guarded = row
        yield RangeRow(
            interval=Interval(space, first, last),
            netname=netname,
            description=description,
            country=country,
            organisation=organisation,
            contact=contact,
            status=status or "",
            ripe_maintained=bool(guarded),
        )


def _words(batch: Batch, name: str) -> list[str | None]:
    numbers, vocabulary = batch.words[name]
    words = [*parted(vocabulary), None]
    return [words[number] for number in numbers_of(numbers).tolist()]
