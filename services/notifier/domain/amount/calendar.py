"""When a recipient reads mail: by the clock and the business days of its country."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
import msgspec

from libs.common.errors import Fatal

SATURDAY = 5
LONGEST_BREAK_DAYS = 30
"""No country has as many days off in a row."""

OTHER_COUNTRY_CODES: Mapping[str, str] = {"uk": "GB"}
"""Where the end of a domain is not the code of its country (ISO 3166-1)."""


class QuietHours(msgspec.Struct, frozen=True):
    """From `start` until `end` by the recipient's clock; over midnight where the end is not after the start."""

    start: time
    end: time

    def cover(self, clock: time) -> bool:
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class Calendar(msgspec.Struct, frozen=True):
    """One country: its code (ISO 3166-1), and the clock that its people go by."""

    country: str
    zone: str

    def at(self, moment: datetime) -> datetime:
        """The same moment, as people there call it."""
        return moment.astimezone(_zone(self.zone))

    def on(self, day: date, clock: time) -> datetime:
        """That time of that day there, in UTC: times of one zone are compared by what its clocks show."""
        return datetime.combine(day, clock, tzinfo=_zone(self.zone)).astimezone(UTC)

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < SATURDAY and day not in _holidays(self.country, day.year)


class Calendars(msgspec.Struct, frozen=True):
    """Ours, and those of the other countries that we know. Whose country nobody knows goes by ours."""

    ours: Calendar
    others: Mapping[str, Calendar] = {}

    def of(self, domain: str) -> Calendar:
        """That of the country that the end of a mail domain names."""
        ending = domain.rpartition(".")[2].lower()
        return self.others.get(OTHER_COUNTRY_CODES.get(ending, ending.upper()), self.ours)

    def day_of(self, moment: datetime) -> date:
        """The day that mails are counted by: one day for all of them."""
        return self.ours.at(moment).date()

    def day_after(self, moment: datetime) -> datetime:
        """When the next of those days begins."""
        return self.ours.on(self.day_of(moment) + timedelta(days=1), time())


def calendar_of(country: str, zone: str) -> Calendar:
    """Raises `Fatal` for a country or a zone that nobody knows."""
    try:
        _zone(zone)
        _holidays(country, 2000)
    except (LookupError, ValueError, NotImplementedError, OSError) as error:
        raise Fatal(f"{country}={zone}: no such country or time zone ({error})") from error
    return Calendar(country, zone)


def opening(
    moment: datetime, *, calendar: Calendar, quiet: QuietHours | None, waits_for_business_day: bool
) -> datetime:
    """The first moment from `moment` on that is neither in quiet hours nor, if that matters, on a day off."""
    for _ in range(LONGEST_BREAK_DAYS):
        local = calendar.at(moment)
        if waits_for_business_day and not calendar.is_business_day(local.date()):
            moment = calendar.on(local.date() + timedelta(days=1), time())
        elif quiet is not None and quiet.cover(local.time()):
            moment = _end_of(quiet, moment, calendar)
        else:
            return moment
    return moment


def _end_of(quiet: QuietHours, moment: datetime, calendar: Calendar) -> datetime:
    """The quiet hours' end after this moment within them."""
    local = calendar.at(moment)
    end = calendar.on(local.date() + timedelta(days=local.time() >= quiet.end), quiet.end)
    # An hour that a clock shows twice can have its end before: whoever asks again later is past it.
    return end if end > moment else moment + timedelta(hours=1)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@cache
def _holidays(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))
