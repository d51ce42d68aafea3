"""A version of a source comes in: if it says something new, and is not suspiciously small."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.columns import Columns
from services.attribution.domain.ripe.parts import digest_of
from services.attribution.domain.sources import Version, too_few
from services.attribution.handlers.dumps import BrokenDump
from services.attribution.handlers.sources.tally import Tally


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What all versions of one import have in common. `is_forced`: a person wants it although it is small."""

    made_on: date
    now: datetime
    is_forced: bool = False


def refuse_doubtful(source: str, records: int, *, before: Version | None, arrival: Arrival) -> None:
    """Raises `BrokenDump` for a file that is older than what is in, or so much smaller that it is cut off."""
    if before is None or arrival.is_forced:
        return
    if too_few(records, before=before.records):
        raise BrokenDump(
            f"{source} would shrink from {before.records:,} to {records:,} records; if that is right, force the import"
        )
    if arrival.made_on < before.made_on:
        raise BrokenDump(
            f"{source} of {before.made_on} is in already, and this one is of {arrival.made_on}; if that is right, "
            "force the import"
        )


async def take_version(
    tx: Transaction,
    source: str,
    columns: Columns,
    *,
    counts: Mapping[str, int],
    file_digest: str,
    file_parts: int,
    before: Version | None,
    arrival: Arrival,
    tally: Tally,
) -> bool:
    """Write a version in place of the one before; False if that said the same, which then only gets the new date."""
    digest = digest_of(columns)
    if before is not None and before.digest == digest:
        await store.sources.redate(
            tx, before.version_id, made_on=arrival.made_on, file_digest=file_digest, file_parts=file_parts
        )
        tally.said.append(f"{source} says the same as before; its day is now {max(arrival.made_on, before.made_on)}.")
        return False
    refuse_doubtful(source, sum(counts.values()), before=before, arrival=arrival)
    version = Version(
        source=source,
        made_on=arrival.made_on,
        imported_at=arrival.now,
        digest=digest,
        file_digest=file_digest,
        file_parts=file_parts,
        counts=dict(counts),
    )
    number = await store.sources.open_version(tx, version)
    await store.sources.write_columns(tx, number, columns)
    await store.sources.remove_older(tx, source, than=number)
    return True
