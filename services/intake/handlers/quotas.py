"""Whether a partner has brought as many records today as is agreed."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from libs.common.db import Transaction
from libs.common.ids import first_id_at
from services.intake.domain.partners import Partner
from services.intake.domain.quotas import day_of, over_quota
from services.intake.store import partners

MAX_REMEMBERED = 10_000
MACHINES_DIFFER = timedelta(hours=1)
"""Ids bear the time of the machine that made them, days are those of the database."""


@dataclass(slots=True)
class _Counted:
    day: datetime
    records: int
    until: float


class Quotas:
    """Counts today's records of partners that have a quota, and remembers the count for a few seconds.

    What this process takes meanwhile is added at once. What other replicas take, and what of a large payload is read
    after the answer, counts when it is remembered no longer: so much can be brought beyond a quota.
    """

    def __init__(self, *, remember_seconds: float = 5.0) -> None:
        self._remember_seconds = remember_seconds
        self._counted: OrderedDict[UUID, _Counted] = OrderedDict()

    async def require_room(self, tx: Transaction, partner: Partner, *, records: int, now: datetime) -> None:
        """Raise `PayloadError` for a payload with so many records that is too much; else it counts once it is kept."""
        if partner.records_per_day is None:
            return
        counted = await self._counted_today(tx, partner, now=now)
        refusal = over_quota(records, used=counted.records, quota=partner.records_per_day, now=now)
        if refusal is not None:
            raise refusal
        tx.after_commit(partial(_add, counted, records))

    async def _counted_today(self, tx: Transaction, partner: Partner, *, now: datetime) -> _Counted:
        known = self._counted.get(partner.id)
        if known is not None and known.day == day_of(now) and time.monotonic() < known.until:
            return known
        until = time.monotonic() + self._remember_seconds
        counted = _Counted(day_of(now), await records_today(tx, partner.id, now=now), until)
        self._counted[partner.id] = counted
        while len(self._counted) > MAX_REMEMBERED:
            self._counted.popitem(last=False)
        return counted


def _add(counted: _Counted, records: int) -> None:
    counted.records += records


async def records_today(tx: Transaction, partner_id: UUID, *, now: datetime) -> int:
    """How many records of a partner were accepted since midnight UTC."""
    since = day_of(now)
    return await partners.records_since(tx, partner_id, first_id=first_id_at(since - MACHINES_DIFFER), since=since)
