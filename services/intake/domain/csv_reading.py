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
    def is_default(self) -> bool:
        return self == CsvReading()

    def our_names(self, names: frozenset[str]) -> frozenset[str]:
        """The names of columns, each by ours if it has one."""
        ours = dict(self.columns)
        return frozenset(ours.get(name, name) for name in names) if ours else names

    def over(self, agreed: "CsvReading") -> "CsvReading":
        """What is said here, and where nothing is, what was agreed."""
        return CsvReading(
            self.columns or agreed.columns,
            self.category or agreed.category,
            self.identifier or agreed.identifier,
            self.timezone or agreed.timezone,
        )

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.timezone) if self.timezone else None
