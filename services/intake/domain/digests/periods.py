"""When a partner's period ends, and where it begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.vocabulary import DigestCadence

LENGTHS: Mapping[DigestCadence, timedelta] = {
    DigestCadence.DAILY: timedelta(days=1),
    DigestCadence.WEEKLY: timedelta(days=7),
}

LONGEST = timedelta(days=31)
"""A period reaches back no further than this to the end of the one before, and what is open is followed for so long."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on, and before `until`."""

    since: datetime
    until: datetime


def last_end(cadence: DigestCadence, *, hour: int, now: datetime) -> datetime:
    """When a period ended last: at `hour` o'clock (UTC), of a week on Monday."""
    struck = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if struck > now:
        struck -= timedelta(days=1)
    return struck - timedelta(days=struck.weekday()) if cadence is DigestCadence.WEEKLY else struck


def next_end(cadence: DigestCadence, *, hour: int, now: datetime) -> datetime | None:
    """When the one that runs now ends; None for a partner that wants no digest."""
    length = LENGTHS.get(cadence)
    return None if length is None else last_end(cadence, hour=hour, now=now) + length


def period_until(until: datetime, *, cadence: DigestCadence, told_until: datetime | None) -> Period | None:
    """The period that ends then. It begins where the last one ended, so that nothing is told twice or left out.

    The first one, and one after a long time without, is as long as the cadence says. None: all of it was told before.
    """
    if told_until is not None and told_until >= until:
        return None
    follows = told_until is not None and until - told_until <= LONGEST
    return Period(told_until if follows and told_until else until - LENGTHS[cadence], until)
