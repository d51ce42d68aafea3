"""Whose key this is, and whether it may be used now."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from libs.common.db import Database
from libs.common.security import api_key_hash
from services.intake.domain.partners import Caller
from services.intake.domain.rates import Bucket, Rate, take
from services.intake.store import partners

MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Remembered:
    caller: Caller
    until: float


class KeyRing:
    """Looks keys up, and remembers the answer for a few seconds: as long as a revoked key goes on opening."""

    def __init__(self, database: Database, *, remember_seconds: float) -> None:
        self._database = database
        self._remember_seconds = remember_seconds
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    async def caller(self, key: str) -> Caller | None:
        """Who comes with this key; None for one that is unknown, revoked or past its end."""
        key_hash = api_key_hash(key)
        known = self._remembered.get(key_hash)
        if known is not None and time.monotonic() < known.until:
            return self._if_open(known.caller)
        async with self._database.transaction() as tx:
            caller = await partners.use_key(tx, key_hash, now=self._database.now())
        if caller is None:
            return None
        self._remembered[key_hash] = _Remembered(caller, time.monotonic() + self._remember_seconds)
        _forget_oldest(self._remembered)
        return self._if_open(caller)

    def _if_open(self, caller: Caller) -> Caller | None:
        return caller if caller.key.opens(self._database.now()) else None


class RateLimits:
    """A bucket for each key, in this process: with two replicas a key gets twice as much."""

    def __init__(self, usual: Rate) -> None:
        self._usual = usual
        self._buckets: OrderedDict[object, Bucket] = OrderedDict()

    def rate(self, caller: Caller) -> Rate:
        """The usual one, as far as nothing else is agreed with the partner."""
        partner, usual = caller.partner, self._usual
        return Rate(
            burst=partner.requests_burst or usual.burst,
            per_second=partner.requests_per_minute / 60 if partner.requests_per_minute else usual.per_second,
        )

    def take(self, caller: Caller) -> float:
        """Take one request; the seconds to wait if there is none left, else 0."""
        taken = take(self._buckets.pop(caller.key.id, None), rate=self.rate(caller), at=time.monotonic())
        self._buckets[caller.key.id] = taken.bucket
        _forget_oldest(self._buckets)
        return taken.wait_seconds

    def left(self, caller: Caller) -> int:
        """Requests that may be made at once."""
        bucket = self._buckets.get(caller.key.id)
        return int(bucket.tokens) if bucket else self.rate(caller).burst


def _forget_oldest(remembered: OrderedDict[bytes, _Remembered] | OrderedDict[object, Bucket]) -> None:
    while len(remembered) > MAX_REMEMBERED:
        remembered.popitem(last=False)
