"""Ways in which a record can be unreadable, as partners' files really have them."""

from collections.abc import Callable
from itertools import cycle

from deploy.demo.layout import Layout
from deploy.demo.sightings import Sighting, csv_line, fields_of, line_of


def damaged_lines(sightings: list[Sighting], layout: Layout) -> list[str]:
    """A line for each, the damages in turn."""
    if layout.is_csv:
        fields = (fields_of(sighting, layout) for sighting in sightings)
        return [csv_line(damage(row, layout)) for row, damage in zip(fields, cycle(CSV_DAMAGES), strict=False)]
    lines = (line_of(sighting, layout) for sighting in sightings)
    return [damage(line) for line, damage in zip(lines, cycle(JSON_DAMAGES), strict=False)]


def _no_address(fields: list[str], layout: Layout) -> list[str]:
    return _with(fields, layout, column=f"{layout.side}ip", value="300.1.2.3")


def _no_time(fields: list[str], layout: Layout) -> list[str]:
    return _with(fields, layout, column="timestamp", value="")


def _unreadable_time(fields: list[str], layout: Layout) -> list[str]:
    return _with(fields, layout, column="timestamp", value="gisteren om 12:00")


def _too_many_fields(fields: list[str], _: Layout) -> list[str]:
    return [*fields, "one", "too many"]


def _with(fields: list[str], layout: Layout, *, column: str, value: str) -> list[str]:
    place = layout.columns.index(column)
    return [*fields[:place], value, *fields[place + 1 :]]


def _cut_short(line: str) -> str:
    return line[: len(line) // 2]


def _unknown_field(line: str) -> str:
    return line.replace('"severity"', '"ernst"', 1)


def _time_without_zone(line: str) -> str:
    return line.replace('Z"', '"', 1)


CSV_DAMAGES: tuple[Callable[[list[str], Layout], list[str]], ...] = (
    _no_address,
    _no_time,
    _too_many_fields,
    _unreadable_time,
)
JSON_DAMAGES: tuple[Callable[[str], str], ...] = (_cut_short, _unknown_field, _time_without_zone)
