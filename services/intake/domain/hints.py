"""What a partner says of a payload, beside the bytes."""

from dataclasses import dataclass, field

from services.intake.domain.csv_reading import CsvReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """`content_type` and `content_encoding` are the headers as they came; `csv_reading` is for a table of their own."""

    format_name: str | None = None
    report_type: str | None = None
    file_name: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    csv_reading: CsvReading = field(default_factory=CsvReading)
    csv_said: CsvReading = field(default_factory=CsvReading)
    """As much of `csv_reading` as the push says itself; the rest was agreed."""
    is_rewritten: bool = False
    """As it is kept, a payload from which secrets were taken is unpacked."""


NO_HINTS = Hints()
