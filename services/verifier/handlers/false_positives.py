"""An analyst knows that something is wrong, and asks what was believed of it before."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.problems import not_found
from services.verifier import store
from services.verifier.domain import FalsePositive, StoredFalsePositive, Threat, ThreatState


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry covers of what was verified before it: so many records, of these threats."""

    records: int
    threats: Sequence[Threat]

    @property
    def open(self) -> Sequence[Threat]:
        return [threat for threat in self.threats if threat.state is not ThreatState.CLOSED]

    @property
    def warned(self) -> Sequence[Threat]:
        """Those of which a mail has left already, to whomever they hit."""
        return [threat for threat in self.threats if threat.first_warned_at is not None]


async def remember_false_positive(
    tx: Transaction, entry: FalsePositive, *, by: str, now: datetime
) -> StoredFalsePositive:
    """Remembering the same again prolongs it."""
    (number,) = await store.add_false_positives(tx, [entry], by=by, now=now)
    return StoredFalsePositive(id=number, entry=entry, added_at=now, added_by=by)


async def forget_false_positive(tx: Transaction, false_positive_id: UUID) -> None:
    """Raises the 404 problem where there is none."""
    if not await store.delete_false_positive(tx, false_positive_id):
        raise not_found("false positive")


async def reach_of(tx: Transaction, false_positive_id: UUID, *, days: int, now: datetime) -> Reach:
    """What it covers of what was verified within so many days; raises the 404 problem where there is no such entry."""
    stored = await store.false_positive(tx, false_positive_id)
    if stored is None:
        raise not_found("false positive")
    return await reach_of_entry(tx, stored.entry, days=days, now=now)


async def reach_of_entry(tx: Transaction, entry: FalsePositive, *, days: int, now: datetime) -> Reach:
    """The same of an entry that need not be there."""
    records = await store.believed_records(tx, entry, since=now - timedelta(days=days))
    threats = await store.threats_with_ids(tx, records.keys())
    return Reach(records=sum(records.values()), threats=threats)
