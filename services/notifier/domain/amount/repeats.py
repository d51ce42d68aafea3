"""When a recipient is told again of a threat that it was told of before."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.vocabulary import Severity

URGENCY = tuple(Severity)
"""Worst first."""


class Again(StrEnum):
    """Why it is told again; the first of these that holds is said."""

    WORSENED = "worsened"
    CAME_BACK = "came-back"
    STILL_THERE = "still-there"


class RepeatPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A first reminder after `interval`, each further one after twice as long, and no more than `reminders` of them."""

    interval: timedelta
    reminders: Mapping[Severity, int] = {}

    def pause_after(self, mails: int) -> timedelta:
        """How long it is quiet after so many mails about the same."""
        return self.interval * 2.0 ** (min(mails, 16) - 1)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient was told of one threat.

    `mails` since it was last new to it, not counting what was called fixed or corrected since; `severity` is the worst
    that these told. `first` was the first of all of them. `is_waiting`: the last one has not gone out yet, and others
    can still join the one that is `open`. `was_fixed`: the recipient has called it fixed since. `by_copies_alone`: each
    said that somebody else is warned.
    """

    first: UUID
    first_at: datetime
    last_at: datetime
    mails: int
    severity: Severity
    is_waiting: bool = False
    open: UUID | None = None
    was_fixed: bool = False
    by_copies_alone: bool = False


class News(msgspec.Struct, frozen=True):
    """It is told as if for the first time. `joins`: the notification that tells of it, and that can still be joined."""

    joins: UUID | None = None


class Reminder(msgspec.Struct, frozen=True, kw_only=True):
    """It is told again: a reminder of the `first` mail, of `first_at`; `mails` were written about it before."""

    first: UUID
    first_at: datetime
    mails: int
    again: Again


class TooSoon(msgspec.Struct, frozen=True):
    """It was told so shortly before that it is the same news."""

    last_at: datetime


class Enough(msgspec.Struct, frozen=True):
    """It was told, and reminded of as often as we do."""

    mails: int


Repeat = News | Reminder | TooSoon | Enough

NEWS = News()


def weigh_repeat(
    told: Told | None, *, severity: Severity, is_reopened: bool, policy: RepeatPolicy, now: datetime
) -> Repeat:
    """Whether a threat that was attributed to a recipient is news to it, a reminder, or neither."""
    if told is None:
        return NEWS
    if told.mails == 0:
        return _reminder(told, Again.CAME_BACK) if told.was_fixed else NEWS
    if is_worse(severity, told):
        return News(told.open) if told.open else _reminder(told, Again.WORSENED)
    pause = policy.interval if is_reopened else policy.pause_after(told.mails)
    if told.is_waiting or now - told.last_at < pause:
        return TooSoon(told.last_at)
    if told.mails > policy.reminders.get(severity, 0):
        return Enough(told.mails)
    return _reminder(told, Again.CAME_BACK if is_reopened else Again.STILL_THERE)


def is_worse(severity: Severity, told: Told) -> bool:
    """Than all that was told of it."""
    return told.mails > 0 and URGENCY.index(severity) < URGENCY.index(told.severity)


def _reminder(told: Told, again: Again) -> Reminder:
    return Reminder(first=told.first, first_at=told.first_at, mails=max(1, told.mails), again=again)


def both_remind(one: Reminder | None, other: Reminder | None) -> Reminder | None:
    """What a mail is that tells of both: a reminder only if nothing in it is new to the recipient."""
    if one is None or other is None:
        return None
    earliest = min(one, other, key=lambda reminder: reminder.first_at)
    return msgspec.structs.replace(
        earliest, mails=max(one.mails, other.mails), again=min(one.again, other.again, key=tuple(Again).index)
    )
