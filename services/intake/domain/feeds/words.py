"""Sentences that tell an operator or a partner what is unusual about a feed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from services.intake.domain.feeds.anomalies import Kind

_SHOWN_COLUMNS = 10


def late(last: datetime, silent: timedelta, usual: timedelta, *, is_expected: bool) -> str:
    rhythm = "is expected every" if is_expected else "usually comes every"
    return f"Nothing has come for {duration(silent)}, since {moment(last)}; it {rhythm} {duration(usual)}."


def rows(day: date, found: int, usual: float, kind: Kind) -> str:
    compared = f"It brought {found:,} rows on {day}, and usually brings {usual:,.0f}"
    if kind is Kind.MORE_ROWS and usual:
        return f"{compared}: {found / usual:,.0f} times as many."
    return f"{compared}: 1 in {usual / found:,.0f}." if found else f"{compared}."


def unreadable(day: date, rejected: int, found: int) -> str:
    return f"{rejected:,} of its {found:,} records on {day} could not be read, far more than usual."


def refused(refusals: int, code: str) -> str:
    pushes = "Its last push was" if refusals == 1 else f"Its last {refusals:,} pushes were"
    return f"{pushes} refused as a whole: {code}. Nothing has been taken since."


def columns(new: Sequence[str], gone: Sequence[str]) -> str:
    told = [f"{word} {_named(names)}" for word, names in (("new:", new), ("gone:", gone)) if names]
    return f"Its columns have changed; {'; '.join(told)}."


def _named(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_COLUMNS
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN_COLUMNS])
    return f"{shown} and {more} more" if more > 0 else shown


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def duration(of: timedelta) -> str:
    """In days from three days on, else in hours, and less than two hours in minutes."""
    if of >= timedelta(days=3):
        return f"{of / timedelta(days=1):.0f} days"
    if of >= timedelta(hours=2):
        return f"{of / timedelta(hours=1):.0f} hours"
    minutes = round(of / timedelta(minutes=1))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
