"""Tables of the directory from a few words, as the imports would fill them."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from libs.common.delegated import Delegation
from libs.common.intervals import Interval, Space, parse_interval
from services.attribution.domain.abuse import AbuseDesk
from services.attribution.domain.columns import joined, packed_words
from services.attribution.domain.delegations import CountryTable, DelegatedFile, Delegations, delegation_columns
from services.attribution.domain.networks import NetworkTable, RouteTable
from services.attribution.domain.ranges import Segments


def interval(text: str) -> Interval:
    found = parse_interval(text)
    assert found is not None, text
    return found


def network_table(
    space: Space,
    rows: Sequence[tuple[str, str, str, int, int]],
    *,
    pool: Sequence[AbuseDesk],
    statuses: Sequence[str] | None = None,
) -> NetworkTable:
    """Rows are (interval, netname, country, desk, inherited from), in order of position."""
    intervals = [interval(row[0]) for row in rows]
    segments = Segments.of(space, [(each.first, each.last) for each in intervals])
    numbers, words = packed_words(statuses or [""] * len(rows))
    columns = {
        "first": b"".join(each.packed[0] for each in intervals),
        "last": b"".join(each.packed[1] for each in intervals),
        "country": "".join(row[2].ljust(2) for row in rows).encode(),
        "name": joined(row[1] for row in rows),
        "status": numbers,
        "status-words": words,
        "desk": np.array([row[3] for row in rows], dtype=np.int32).tobytes(),
        "inherited-from": np.array([row[4] for row in rows], dtype=np.int32).tobytes(),
        "starts": segments.starts,
        "owners": segments.owner_numbers,
    }
    return NetworkTable(space, columns, pool=pool)


def route_table(space: Space, routes: Mapping[str, tuple[int, ...]]) -> RouteTable:
    """Who announces each prefix; prefixes sorted."""
    segments = Segments.of(space, [(interval(text).first, interval(text).last) for text in routes])
    numbers, words = packed_words([" ".join(map(str, origins)) for origins in routes.values()])
    columns = {"route-starts": segments.starts, "route-owners": segments.owner_numbers}
    return RouteTable(space, {**columns, "origins": numbers, "origins-words": words})


def delegations(countries: Mapping[str, str], *, made_on: date, source: str = "delegated-ripencc") -> Delegations:
    """In which country each range is registered."""
    held = [Delegation(interval(text), country) for text, country in countries.items()]
    file = DelegatedFile(source, made_on, delegation_columns(held))
    return Delegations(frozenset({(1, made_on)}), made_on, {space: CountryTable(space, [file]) for space in Space})
