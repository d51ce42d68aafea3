"""What a partner says beside the bytes of a table of its own."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class CsvReading:
    """`columns` are pairs of the partner's name of a column and ours; the others fill in what the table leaves out."""

    columns: tuple[tuple[str, str], ...] = ()
    category: str | None = None
    identifier: str | None = None
    timezone: str | None = None

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.timezone) if self.timezone else None
