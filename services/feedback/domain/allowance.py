"""How often one address may ask, so that references can't be tried one after the other."""

from collections import OrderedDict
from datetime import datetime
from ipaddress import IPv6Address, ip_network

import msgspec

from libs.common.addresses import parse_ip

IPV6_SITE_BITS = 64


class Bucket(msgspec.Struct, frozen=True):
    """A token bucket: how much was left at a moment."""

    left: float
    at: datetime


class Allowance:
    """A token bucket for each asker: `burst` at once, and `per_minute` more after that. Its memory is bounded."""

    def __init__(self, *, burst: int, per_minute: float, remembered: int) -> None:
        self.burst = burst
        self.per_minute = per_minute
        self._remembered = remembered
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, asker: str, *, now: datetime) -> float:
        """Use one up. Returns the seconds to wait first; 0.0 when there is one left, and only then is it used."""
        left = self._left(asker, now=now)
        allowed = left >= 1
        self._buckets[asker] = Bucket(left - 1 if allowed else left, now)
        self._buckets.move_to_end(asker)
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) * 60 / self.per_minute

    def _left(self, asker: str, *, now: datetime) -> float:
        bucket = self._buckets.get(asker)
        if bucket is None:
            return float(self.burst)
        minutes = max(0.0, (now - bucket.at).total_seconds() / 60)
        return min(float(self.burst), bucket.left + minutes * self.per_minute)


def asker_of(host: str) -> str:
    """Who asks: an IPv4 address, or the /64 of an IPv6 address, as a single household or server has all of it."""
    ip = parse_ip(host.partition("%")[0])
    return str(ip_network((ip, IPV6_SITE_BITS), strict=False)) if isinstance(ip, IPv6Address) else host
