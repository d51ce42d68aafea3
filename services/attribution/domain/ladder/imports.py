"""The imported dumps, as all records of a batch meet them: how old they are, and what each counts."""

from datetime import date, datetime, timedelta
from functools import lru_cache

import msgspec

from services.attribution.domain.directory import Directory
from services.attribution.domain.ladder.rules import Certainty, Ladder
from services.attribution.domain.sources import NETWORK_FILE, RIPE


class Imports(msgspec.Struct, frozen=True):
    """Their names carry their dates: a registry's word is as old as its dump, and whoever reads it should see that."""

    ladder: Ladder
    at: datetime
    ripe_is_fresh: bool
    country: str
    delegated: str
    abuse_contact: str
    system: str
    own_desk: float
    inherited_desk: float
    as_desk: float

    def is_fresh(self, source: str, made_on: date | None) -> bool:
        return _is_fresh(self.ladder, source, made_on, self.at)


def imports_of(ladder: Ladder, directory: Directory, at: datetime) -> Imports:
    return _imports_of(ladder, directory.networks.made_on, directory.delegations.made_on, at)


@lru_cache(maxsize=4)
def _imports_of(ladder: Ladder, ripe_on: date | None, delegated_on: date | None, at: datetime) -> Imports:
    """Nothing that is kept from one batch to the next holds a directory: that would be hundreds of megabytes."""
    return Imports(
        ladder=ladder,
        at=at,
        ripe_is_fresh=_is_fresh(ladder, RIPE, ripe_on, at),
        country=dated("ripe:country", ripe_on),
        delegated=dated("delegated", delegated_on),
        abuse_contact=dated("ripe:abuse-c", ripe_on),
        system=dated("ripe:aut-num", ripe_on),
        own_desk=ladder.confidence[Certainty.OWN_DESK],
        inherited_desk=ladder.confidence[Certainty.INHERITED_DESK],
        as_desk=ladder.confidence[Certainty.AS_DESK],
    )


def believed(directory: Directory, ladder: Ladder, at: datetime) -> Directory:
    """The directory with how old a network file may be to tell whose an address is: its AS numbers are looked up."""
    days = ladder.greatest_age_days.get(NETWORK_FILE)
    if days is None or directory.network_file.asns is None:
        return directory
    return msgspec.structs.replace(directory, network_file_since=at.date() - timedelta(days=days))


def _is_fresh(ladder: Ladder, source: str, made_on: date | None, at: datetime) -> bool:
    """Is a dump young enough to be believed? One that was never imported is not old."""
    days = ladder.greatest_age_days.get(source)
    return days is None or made_on is None or (at.date() - made_on).days <= days


@lru_cache(maxsize=64)
def dated(source: str, made_on: date | None) -> str:
    return f"{source} {made_on.isoformat()}" if made_on else source
