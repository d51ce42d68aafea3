"""What an operator has decided on how much mail goes when, and what that means for one mail."""

from datetime import datetime, time, timedelta

import msgspec

from libs.common.contracts import is_team
from libs.common.vocabulary import NotificationKind, Severity
from services.notifier.domain.amount.calendar import LONGEST_BREAK_DAYS, Calendar, Calendars, QuietHours, opening
from services.notifier.domain.amount.waits import Wait

ROUNDED_UP = (Severity.LOW, Severity.INFO)
TESTS = "test:"


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """At most so many mails a day; None means as many as there are."""

    recipient: int | None = None
    domain: int | None = None
    incident: int | None = None
    total: int | None = None


class AmountPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the operator. Without any, every mail goes when its window ends.

    `round_up_at` is the time of day, by the recipient's clock, of the one mail with what is of low severity.
    `business_days_for` are the severities that wait for a business day. What has waited for `longest_wait` for a day
    with room for it is given up.
    """

    calendars: Calendars = Calendars(Calendar("NL", "Europe/Amsterdam"))
    quiet: QuietHours | None = None
    business_days_for: tuple[Severity, ...] = ()
    round_up_at: time | None = None
    caps: Caps = Caps()
    longest_wait: timedelta = timedelta(days=14)

    def rounds_up(self, subject: "Subject") -> bool:
        """Whether it goes into the one mail a day."""
        return self.round_up_at is not None and subject.severity in ROUNDED_UP and not subject.goes_at_once


FREE = AmountPolicy()


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a mail as decides when it may go."""

    recipient_key: str
    domain: str
    severity: Severity
    kind: NotificationKind = NotificationKind.WARNING

    @property
    def goes_at_once(self) -> bool:
        """Critical ones, corrections of ours, what is handed over to a team, and what a partner tries out."""
        return (
            self.severity is Severity.CRITICAL
            or self.kind is NotificationKind.CORRECTION
            or is_team(self.recipient_key)
            or self.is_test
        )

    @property
    def is_test(self) -> bool:
        return self.recipient_key.startswith(TESTS)

    @property
    def counts(self) -> bool:
        """Whether it uses up of a cap: not what we owe a recipient anyway, and not what is handed over or tried out."""
        return not (self.kind is NotificationKind.CORRECTION or is_team(self.recipient_key) or self.is_test)


class Slot(msgspec.Struct, frozen=True):
    """When a mail may go, and what it waits for until then."""

    at: datetime
    wait: Wait | None = None


def slot_for(subject: Subject, moment: datetime, policy: AmountPolicy) -> Slot:
    """The first moment from `moment` on that the clock and the calendar of its recipient allow."""
    if subject.goes_at_once:
        return Slot(moment)
    calendar = policy.calendars.of(subject.domain)
    awake = opening(moment, calendar=calendar, quiet=policy.quiet, waits_for_business_day=False)
    if subject.severity not in policy.business_days_for:
        return Slot(awake, Wait.QUIET_HOURS if awake > moment else None)
    open_at = opening(moment, calendar=calendar, quiet=policy.quiet, waits_for_business_day=True)
    if open_at > awake:
        return Slot(open_at, Wait.DAY_OFF)
    return Slot(open_at, Wait.QUIET_HOURS if open_at > moment else None)


def slot_to_plan(subject: Subject, moment: datetime, policy: AmountPolicy) -> Slot:
    """The same, and what goes into a round-up waits for the next one."""
    if policy.round_up_at is None or not policy.rounds_up(subject):
        return slot_for(subject, moment, policy)
    calendar = policy.calendars.of(subject.domain)
    today = calendar.at(moment).date()
    for days in range(LONGEST_BREAK_DAYS):
        day = today + timedelta(days=days)
        slot = slot_for(subject, calendar.on(day, policy.round_up_at), policy)
        if slot.at >= moment and calendar.at(slot.at).date() == day:
            return Slot(slot.at, Wait.ROUND_UP)
    return slot_for(subject, moment, policy)
