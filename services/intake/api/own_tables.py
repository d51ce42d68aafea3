"""A partner's own table: what its columns are, said with a push or agreed for all of them."""

from typing import Annotated, Self

import msgspec
from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.problems import FieldError, Problem
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.formats.tocsin.csv_parameters import MAX_PAIRS, columns_of, faults_of, pairs_of
from services.intake.domain.formats.tocsin.tocsin_csv import FORMAT

MAX_MAP_CHARS = 8_192

Columns = Annotated[
    str | None,
    Query(
        alias="map",
        max_length=MAX_MAP_CHARS,
        description=f"What the columns of a CSV of your own are: `theirs:ours,theirs2:ours2`, at most {MAX_PAIRS}",
    ),
]
Category = Annotated[str | None, Query(max_length=100, description="The category of a CSV without such a column")]
Identifier = Annotated[str | None, Query(max_length=100, description="The identifier of a CSV without such a column")]
TimeZone = Annotated[
    str | None,
    Query(max_length=100, description="Of times in a CSV that say no zone, as in `Europe/Amsterdam`; else UTC"),
]


class OwnTable(BaseModel):
    """How `tocsin-csv` is read from them, where a push does not say it otherwise."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, str] = Field(
        default_factory=dict, description="Our name by theirs, for columns that are called otherwise"
    )
    category: str | None = Field(None, description="Of tables without such a column")
    identifier: str | None = Field(None, description="Of tables without such a column")
    timezone: str | None = Field(None, description="Of times that say no zone, as in `Europe/Amsterdam`; null: UTC")

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if faults := faults_of(self.reading()):
            raise ValueError("; ".join(f"{fault.parameter}: {fault.message}" for fault in faults))
        return self

    def reading(self) -> CsvReading:
        return CsvReading(pairs_of(self.columns.items()), self.category, self.identifier, self.timezone)


def own_table(reading: CsvReading) -> OwnTable | None:
    """As it is shown; None where nothing is agreed."""
    if reading.is_default:
        return None
    return OwnTable.model_construct(  # what was sound when it was agreed is shown, whatever is sound by now
        columns=dict(reading.columns),
        category=reading.category,
        identifier=reading.identifier,
        timezone=reading.timezone,
    )


def stored_reading(agreed: OwnTable | None) -> object:
    """As the table of partners has it."""
    return msgspec.to_builtins(agreed.reading() if agreed else CsvReading())


async def _said(
    columns: Columns = None, category: Category = None, identifier: Identifier = None, timezone: TimeZone = None
) -> CsvReading:
    """What the parameters of a push say; raises a problem with all that is wrong with them."""
    reading = CsvReading(columns_of(columns) if columns is not None else (), category, identifier, timezone)
    errors = [
        FieldError(where=f"query.{fault.parameter}", code=fault.code, message=fault.message)
        for fault in faults_of(reading)
    ]
    if errors:
        raise Problem(422, "not-valid", "The request is not valid", f"{len(errors)} things are wrong.", errors=errors)
    return reading


SaidOfTable = Annotated[CsvReading, Depends(_said)]


def format_said(format_name: str | None, said: CsvReading) -> str | None:
    """The format that is meant: who says how a table is read, says that it is one."""
    if said.is_default:
        return format_name
    if format_name not in (None, FORMAT.name):
        detail = (
            f"map, category, identifier and timezone are for {FORMAT.name}; other formats say all of this themselves."
        )
        raise Problem(422, "format-mismatch", "We can't take this payload", detail)
    return FORMAT.name
