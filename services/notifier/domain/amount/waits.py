"""Why a mail waits, in a word that is kept with it and in a sentence for whoever asks."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum


class Wait(StrEnum):
    """What a mail waits for. What is over a cap goes on another day, the most severe first."""

    QUIET_HOURS = "quiet-hours"
    DAY_OFF = "day-off"
    ROUND_UP = "round-up"
    ONE_ROUND_UP_A_DAY = "one-round-up-a-day"
    RECIPIENT_CAP = "recipient-cap"
    DOMAIN_CAP = "domain-cap"
    INCIDENT_CAP = "incident-cap"
    TOTAL_CAP = "total-cap"


SENTENCES: Mapping[Wait, str] = {
    Wait.QUIET_HOURS: "It is not critical, and the recipient has quiet hours until then.",
    Wait.DAY_OFF: "It can wait, and the recipient's next business day begins then.",
    Wait.ROUND_UP: "What is of low severity goes to its recipient in one mail a day, and that is due then.",
    Wait.ONE_ROUND_UP_A_DAY: "The recipient has had its one mail of low severity today.",
    Wait.RECIPIENT_CAP: "The recipient has had as many mails today as it gets in a day.",
    Wait.DOMAIN_CAP: "The recipient's domain has had as many mails today as it gets in a day.",
    Wait.INCIDENT_CAP: "As many mails have gone out about this incident today as may in a day.",
    Wait.TOTAL_CAP: "As many mails have gone out today as may in a day.",
}


def explained(wait: str, until: datetime | None) -> str:
    """For an analyst: until when it waits, and why; empty where it waits for nothing but its turn."""
    if not wait or until is None:
        return ""
    return f"Waits until {until:%Y-%m-%d %H:%M} UTC. {SENTENCES[Wait(wait)]}"
