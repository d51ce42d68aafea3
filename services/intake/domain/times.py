"""Points in time as partners write them; canonical is aware and UTC."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.intake.domain.records import Findings, quoted

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCK_SKEW = timedelta(hours=24)
_MAX_CHARS = 64

_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}):(\d{2})(?:[.,](\d{1,6})\d*)?\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?",
    re.ASCII | re.IGNORECASE,
)
_COMMENT = re.compile(r"\([^()]{0,200}\)\s*$")
_UNIX_SECONDS = re.compile(r"\d{1,11}", re.ASCII)


def seen_at(text: str, *, field: str, findings: Findings, now: datetime) -> datetime | None:
    """A record's own time in UTC, or `None` with the reason in `findings`; without a zone it is left naive.

    RFC 3339, with a blank for the `T`, and with the suffixes UTC and GMT. Later than a day from `now` or before 2000 is
    out of range; how old is too old is the verifier's affair.
    """
    return _seen_at(text, parse_time, field=field, findings=findings, now=now)


def seen_at_meaning_utc(text: str, *, field: str, findings: Findings, now: datetime) -> datetime | None:
    """The same, read as UTC where it says no zone, because whoever wrote it means that."""
    return _seen_at(text, _time_meaning_utc, field=field, findings=findings, now=now)


def seen_at_in_utc(text: str, *, field: str, findings: Findings, now: datetime) -> datetime | None:
    """The same, read as UTC, with a warning, where it says no zone."""
    return _in_utc(seen_at(text, field=field, findings=findings, now=now), field=field, findings=findings)


def seen_at_unix(text: str, *, field: str, findings: Findings, now: datetime) -> datetime | None:
    """The same of a time in Unix seconds."""
    return _seen_at(text, unix_time, field=field, findings=findings, now=now)


def seen_at_in_mail(text: str, *, field: str, findings: Findings, now: datetime) -> datetime | None:
    """The same of a date as mails have it (RFC 5322), or as in `seen_at`; with a warning where it says no zone."""
    said = _COMMENT.sub("", text[: 4 * _MAX_CHARS].strip())
    at = _seen_at(said, lambda date: parse_time(date) or mail_time(date), field=field, findings=findings, now=now)
    return _in_utc(at, field=field, findings=findings)


def optional_time(text: str, *, field: str, findings: Findings) -> datetime | None:
    """A time that is not vital, in UTC; one that cannot be read is dropped with a warning."""
    text = text.strip()
    at = parse_time(text) if len(text) <= _MAX_CHARS else None
    if text and at is None:
        findings.discard(field, text, "is not a date and time")
    return _in_utc(at, field=field, findings=findings)


def _in_utc(at: datetime | None, *, field: str, findings: Findings) -> datetime | None:
    if at is None or at.tzinfo:
        return at
    findings.warn(field, "timestamp-without-zone", f"no time zone is given; read as {at:%Y-%m-%d %H:%M:%S} UTC")
    return at.replace(tzinfo=UTC)


def _seen_at(
    text: str, read: Callable[[str], datetime | None], *, field: str, findings: Findings, now: datetime
) -> datetime | None:
    text = text.strip()
    if not text or text.startswith("0000-00-00"):
        findings.reject(field, "missing-timestamp", "the record has no time")
        return None
    at = read(text) if len(text) <= _MAX_CHARS else None
    if at is None:
        findings.reject(field, "invalid-timestamp", f"{quoted(text)} is not a date and time")
        return None
    if not _EARLIEST <= (at if at.tzinfo else at.replace(tzinfo=UTC)) <= now + _CLOCK_SKEW:
        findings.reject(field, "timestamp-out-of-range", f"{quoted(text)} is before 2000 or in the future")
        return None
    return at


@lru_cache(maxsize=4_096)
def parse_time(text: str) -> datetime | None:
    """The time that `text` spells: in UTC when it names a zone, naive when it does not. Second 60 is read as 59."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, minute, second, fraction, zone = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{minute}:{'59' if second == '60' else second}{_offset(zone)}")
        at = at.replace(microsecond=int((fraction or "").ljust(6, "0")))
        return at.astimezone(UTC) if zone else at
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4_096)
def _time_meaning_utc(text: str) -> datetime | None:
    at = parse_time(text)
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def unix_time(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if _UNIX_SECONDS.fullmatch(text) else None


def mail_time(text: str) -> datetime | None:
    """The date of RFC 5322 that `text` spells: in UTC when it names a zone (-0000 is one), naive when it does not."""
    try:
        at = parsedate_to_datetime(text)
        if at.tzinfo:
            return at.astimezone(UTC)
        return at.replace(tzinfo=UTC) if text.endswith("-0000") else at
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def in_utc(at: datetime, *, field: str, findings: Findings) -> datetime:
    """The time in UTC; with a warning if it is naive, for then that is a guess."""
    if at.tzinfo is not None:
        return at
    findings.warn(field, "timestamp-without-zone", f"no time zone is given; read as {at:%Y-%m-%d %H:%M:%S} UTC")
    return at.replace(tzinfo=UTC)


def from_local(at: datetime, zone: ZoneInfo, *, field: str, findings: Findings) -> datetime:
    """What the clocks of `zone` show, in UTC; with a warning in the two hours of the year in which they are changed.

    Of a time that they show twice it is the first; one that they skip counts from before the change.
    """
    first, second = at.replace(tzinfo=zone, fold=0), at.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        skipped = first.astimezone(UTC) > second.astimezone(UTC)
        why = f"is a time that {zone.key} skips" if skipped else f"comes twice in {zone.key}; the first was taken"
        findings.warn(field, "ambiguous-local-time", f"{quoted(str(at))} {why}")
    return first.astimezone(UTC)


def _offset(zone: str | None) -> str:
    if zone is None:
        return ""
    return "+00:00" if zone.upper() in ("Z", "UTC", "GMT") else zone
