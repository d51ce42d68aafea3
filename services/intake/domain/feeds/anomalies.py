"""What can be unusual about a feed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """In which way. `unreadable`: many records can't be read, or pushes are refused as a whole."""

    LATE = "late"
    MORE_ROWS = "more-rows"
    FEWER_ROWS = "fewer-rows"
    UNREADABLE = "unreadable"
    COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing that is unusual, since when, in words, and the figures behind them."""

    kind: Kind
    since: datetime
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    gone_columns: tuple[str, ...] = ()
