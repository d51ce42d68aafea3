"""What a format is to the rest of intake."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import TypeVar

from services.intake.domain.compression import Limits
from services.intake.domain.contents import Contents
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import PayloadError, Record

T = TypeVar("T")

MAX_RECORDS = 5_000_000


class Family(Enum):
    """How the bytes of a format look from afar."""

    CSV = auto()
    JSON = auto()
    JSON_LINES = auto()
    MAIL = auto()


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """What a parser is told beside the bytes. `charset` is that of the Content-Type, where one was given.

    `assets_are` counts in the formats of threat intelligence only, `limits` in those that hold files, `csv_reading` in
    `tocsin-csv`. A parser that opens files within the payload tells `contents` of them. A payload that `is_kept`
    already is read with the secrets in its files, which would be a reason not to keep it.
    """

    report_type: str | None
    now: datetime
    max_records: int = MAX_RECORDS
    charset: str | None = None
    assets_are: AssetsAre = AssetsAre.ABUSED
    limits: Limits = field(default_factory=Limits)
    csv_reading: CsvReading = field(default_factory=CsvReading)
    contents: Contents = field(default_factory=Contents, compare=False)
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """One way to push records.

    `parse` reads a stream of chunks, however cut, into records, in order and in bounded memory; the only exception it
    raises is `PayloadError`, possibly after records. `has_names` says whether column names or the first object's keys
    are those of this format; `has_report_types` that the names alone do not say what a record is about;
    `has_own_columns` that a partner may call its columns what it likes, and say what they are. `schema` is the JSON
    Schema of a record, where the format has one. `whole_bytes` is how much of a payload is in memory at a time
    where that is more than a few blocks and records, because a document says last what holds for all of it. `upstream`
    is who makes such payloads, whoever pushes them.
    """

    name: str
    media_types: tuple[str, ...]
    description: str
    example: str
    parse: Callable[[Iterator[bytes], ParseOptions], Iterator[Record]]
    families: frozenset[Family]
    has_names: Callable[[frozenset[str]], bool]
    has_report_types: bool = False
    has_own_columns: bool = False
    schema: Mapping[str, object] | None = None
    whole_bytes: int = 0
    upstream: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether it is rows under a header; else it is JSON, or a mail."""
        return Family.CSV in self.families


def at_most(records: Iterator[T], max_records: int, *, least: int = 1) -> Iterator[T]:
    """The records, of which there must be some, or `least`, but not too many."""
    count = 0
    for count, record in enumerate(records, 1):
        if count > max_records:
            raise PayloadError(413, "too-many-records", f"there are more than {max_records} records")
        yield record
    if count < least:
        raise PayloadError(422, "empty-payload", "there is not a single record")
