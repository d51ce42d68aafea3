"""How much mail, and when."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Self

from pydantic import Field, model_validator

from libs.common.errors import Fatal
from libs.common.settings import ServiceSettings
from libs.common.vocabulary import Severity
from services.notifier.domain.amount.calendar import Calendar, Calendars, QuietHours, calendar_of
from services.notifier.domain.amount.policy import AmountPolicy, Caps
from services.notifier.settings.values import listed


class AmountSettings(ServiceSettings):
    """Windows, repetition, hours and caps."""

    window_critical_seconds: float = Field(0.0, description="A critical target waits this long for others", ge=0)
    window_high_seconds: float = Field(300.0, description="A high one", ge=0)
    window_medium_seconds: float = Field(3600.0, description="A medium one", ge=0)
    window_low_seconds: float = Field(3600.0, description="A low one", ge=0)
    window_info_seconds: float = Field(3600.0, description="One for information", ge=0)
    window_correction_seconds: float = Field(
        600.0, description="A correction waits this long for others of the same notification", ge=0
    )
    window_continuation_seconds: float = Field(
        30.0,
        description="What could not be delivered waits this long for the rest of its mail before the next contact",
        ge=0,
    )
    repeat_interval_days: int = Field(14, description="The same asset and incident is not told again within", ge=0)
    reminders_critical: int = Field(
        4,
        description="Reminders of a critical one that is still seen, each after twice as long as the one before",
        ge=0,
    )
    reminders_high: int = Field(3, description="Of a high one", ge=0)
    reminders_medium: int = Field(2, description="Of a medium one", ge=0)
    reminders_low: int = Field(1, description="Of a low one", ge=0)
    reminders_info: int = Field(0, description="Of one for information", ge=0)
    recipient_daily_cap: int = Field(
        50, description="Mails to a recipient in a day; what is over waits, critical ones go. 0: no cap", ge=0
    )
    domain_daily_cap: int = Field(5000, description="To all recipients of one domain", ge=0)
    incident_daily_cap: int = Field(50_000, description="About one incident", ge=0)
    total_daily_cap: int = Field(100_000, description="In all", ge=0)
    cap_longest_wait_days: int = Field(
        14, description="What has waited so long for a day with room is given up: suppressed, `cap`", ge=1
    )
    cap_overdue_hours: float = Field(48.0, description="What waits for longer because of a cap is overdue", gt=0)
    quiet_hours: str = Field(
        "20:00-07:00",
        description="When only critical mails go, by the recipient's clock; empty: at no time",
        pattern=r"^([0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d)?$",
    )
    business_day_severities: str = Field(
        "medium,low,info", description="These wait for a business day of the recipient's country; empty: none does"
    )
    round_up_time: str = Field(
        "10:00",
        description="When, by its clock, a recipient gets the one mail a day with all of low severity and for "
        "information; empty: each notification is a mail of its own",
        pattern=r"^([0-2]\d:[0-5]\d)?$",
    )
    calendar: str = Field(
        "NL=Europe/Amsterdam", description="Our country and its clock; recipients of unknown country go by it"
    )
    other_calendars: str = Field(
        "BE=Europe/Brussels,DE=Europe/Berlin,FR=Europe/Paris,GB=Europe/London,LU=Europe/Luxembourg",
        description="Those of recipients whose mail domain ends with the country's code",
    )

    @model_validator(mode="after")
    def _knows_when_mail_may_go(self) -> Self:
        """Raises what is wrong with the amounts, while there is somebody to read it."""
        try:
            self.amounts  # noqa: B018 - reading it is the check
        except Fatal as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def amounts(self) -> AmountPolicy:
        """How much goes when."""
        start, _, end = self.quiet_hours.partition("-")
        return AmountPolicy(
            calendars=Calendars(
                _calendar(self.calendar),
                {known.country: known for known in map(_calendar, listed(self.other_calendars))},
            ),
            quiet=QuietHours(time.fromisoformat(start), time.fromisoformat(end)) if start != end else None,
            business_days_for=tuple(map(Severity, listed(self.business_day_severities))),
            round_up_at=time.fromisoformat(self.round_up_time) if self.round_up_time else None,
            caps=Caps(
                recipient=self.recipient_daily_cap or None,
                domain=self.domain_daily_cap or None,
                incident=self.incident_daily_cap or None,
                total=self.total_daily_cap or None,
            ),
            longest_wait=timedelta(days=self.cap_longest_wait_days),
        )

    @property
    def reminders(self) -> Mapping[Severity, int]:
        return {
            Severity.CRITICAL: self.reminders_critical,
            Severity.HIGH: self.reminders_high,
            Severity.MEDIUM: self.reminders_medium,
            Severity.LOW: self.reminders_low,
            Severity.INFO: self.reminders_info,
        }


def _calendar(text: str) -> Calendar:
    country, _, zone = text.partition("=")
    return calendar_of(country, zone)
