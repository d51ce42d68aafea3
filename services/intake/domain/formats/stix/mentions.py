"""Assets as STIX objects mention them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.common.vocabulary import Tlp

MAX_MENTIONS = 100
"""As many assets as one object may name."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One asset: `values` under the names of `Asset`, still to be read; `beside` is for the record's `extra`."""

    values: Mapping[str, object]
    beside: Mapping[str, str] = field(default_factory=dict)
    tlp: Tlp | None = None
