"""The sources that look-ups stand on: which there are, of which day each is, and what a newer file may not do to it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec

RIPE = "ripe"
"""What look-ups read. It is put together from the parts, `ripe-inetnum` and so on, one for each kind of objects."""
ORGANISATIONS = "organisations"
NETWORK_FILE = "network-file"
NETWORK_FILE_PARTS = ("network-file-asn", "network-file-country")


class Registry(StrEnum):
    """The five that hand out numbers, as their delegated files call them."""

    RIPENCC = "ripencc"
    ARIN = "arin"
    APNIC = "apnic"
    LACNIC = "lacnic"
    AFRINIC = "afrinic"

    @property
    def source(self) -> str:
        return f"delegated-{self}"


SOURCES = (RIPE, *(registry.source for registry in Registry), NETWORK_FILE, ORGANISATIONS)
DELEGATED = "delegated"
"""All five delegated files, where they grow old together."""

AGING: Mapping[str, Sequence[str]] = {
    RIPE: (RIPE,),
    DELEGATED: tuple(registry.source for registry in Registry),
    NETWORK_FILE: (NETWORK_FILE,),
}
"""Which sources grow old together, as far as a watch tells them apart."""
PARTS: Mapping[str, Sequence[str]] = {NETWORK_FILE: NETWORK_FILE_PARTS}

FEWEST_TO_COMPARE = 1000
LEAST_SHARE = 0.5
"""A registry does not halve from one day to the next; a file that was cut off somewhere does."""


class Ages(msgspec.Struct, frozen=True):
    """How old the word of a source may be, by the ladder; organisations are our own and have no such age.

    `warn_from` is the share of that age from which operators are told that a newer one is wanted.
    """

    greatest_days: Mapping[str, int]
    warn_from: float

    def greatest_of(self, source: str) -> int | None:
        together = next((name for name, sources in AGING.items() if source in sources), source)
        return self.greatest_days.get(together)

    def warned_of(self, source: str) -> int | None:
        """The day on which it is overdue: before it is too old, and never on its first."""
        greatest = self.greatest_of(source)
        return None if greatest is None else max(1, int(greatest * self.warn_from))


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What is in of one source. `digest` is of the rows, `file_digest` of the file that brought it, as it lay there.

    `file_parts`: how many sources that file brought, so that a file of which all is still in force is known.
    """

    version_id: int = 0
    source: str
    made_on: date
    imported_at: datetime
    digest: str = ""
    file_digest: str = ""
    file_parts: int = 1
    counts: Mapping[str, int] = {}

    @property
    def records(self) -> int:
        return sum(self.counts.values())


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """A source as an operator wants to see it. Without `made_on` it was never brought in."""

    source: str
    made_on: date | None = None
    imported_at: datetime | None = None
    age_days: int | None = None
    greatest_age_days: int | None = None
    overdue_after_days: int | None = None
    counts: Mapping[str, int] = {}

    @property
    def is_stale(self) -> bool:
        return (
            self.age_days is not None and self.greatest_age_days is not None and self.age_days > self.greatest_age_days
        )


def state_of(source: str, version: Version | None, *, ages: Ages, today: date) -> SourceState:
    greatest, overdue = ages.greatest_of(source), ages.warned_of(source)
    if version is None:
        return SourceState(source=source, greatest_age_days=greatest, overdue_after_days=overdue)
    return SourceState(
        source=source,
        made_on=version.made_on,
        imported_at=version.imported_at,
        age_days=max(0, (today - version.made_on).days),
        greatest_age_days=greatest,
        overdue_after_days=overdue,
        counts=version.counts,
    )


def joined(source: str, parts: Sequence[Version]) -> Version:
    """Several parts as one source, which is of the day of the oldest."""
    return Version(
        source=source,
        made_on=min(part.made_on for part in parts),
        imported_at=max(part.imported_at for part in parts),
        counts={name: count for part in parts for name, count in part.counts.items()},
    )


def too_few(records: int, *, before: int) -> bool:
    """Whether a new file has so much less than the one before that something must be wrong with it."""
    return before >= FEWEST_TO_COMPARE and records < before * LEAST_SHARE
