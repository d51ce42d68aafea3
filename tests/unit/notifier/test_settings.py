"""What the notifier's settings allow, and what follows from them."""

from collections.abc import Mapping
from datetime import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from libs.common.vocabulary import Severity
from services.notifier.domain.amount.calendar import Calendar, Calendars, QuietHours
from services.notifier.domain.amount.policy import Caps
from services.notifier.settings import NotifierSettings

NEEDED = {
    "HTTP_PORT": "1",
    "DATABASE_URL": "postgresql://nobody@localhost/none",
    "KAFKA_BOOTSTRAP": "localhost:9092",
    "OPERATOR_PUBLIC_KEY": "k",
    "PUBLIC_URL": "https://tocsin.example",
    "LINK_KEY": "a key of sixteen or more characters",
}


def settings_of(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]) -> NotifierSettings:
    for name, value in {**NEEDED, **given}.items():
        monkeypatch.setenv(f"TOCSIN_NOTIFIER_{name}", value)
    return NotifierSettings()


@pytest.mark.parametrize(
    ("host", "chosen", "security"),
    [
        ("127.0.0.1", "auto", "none"),
        ("::1", "auto", "none"),
        ("localhost", "auto", "none"),
        ("/run/relay.sock", "auto", "none"),
        ("192.0.2.25", "auto", "required"),
        ("mail.example.org", "auto", "required"),
        ("localhost.example.org", "auto", "required"),
        ("mail.example.org", "opportunistic", "opportunistic"),
        ("127.0.0.1", "required", "required"),
        ("mail.example.org", "starttls", "required"),
        ("mail.example.org", "tls", "implicit"),
        ("mail.example.org", "none", "none"),
    ],
)
def test_only_a_relay_on_this_machine_is_spoken_to_in_clear_text_unasked(
    monkeypatch: pytest.MonkeyPatch, host: str, chosen: str, security: str
) -> None:
    assert settings_of(monkeypatch, {"SMTP_HOST": host, "SMTP_SECURITY": chosen}).relay_security == security


@pytest.mark.parametrize("security", ["none", "opportunistic"])
def test_a_password_never_leaves_this_machine_in_clear_text(monkeypatch: pytest.MonkeyPatch, security: str) -> None:
    given = {"SMTP_HOST": "mail.example.org", "SMTP_SECURITY": security, "SMTP_USERNAME": "tocsin"}

    with pytest.raises(ValidationError, match="clear"):
        settings_of(monkeypatch, given)
    assert settings_of(monkeypatch, given | {"SMTP_HOST": "127.0.0.1"}).relay_security == security


@pytest.mark.parametrize(
    "given",
    [
        {"DKIM_KEY_FILE": "key.pem"},
        {"DKIM_SELECTOR": "s1"},
        {"DKIM_SELECTOR": "not a label", "DKIM_KEY_FILE": "key.pem"},
        {"DKIM_NEXT_KEY_FILE": "k", "DKIM_NEXT_SELECTOR": "s2", "DKIM_NEXT_SINCE": "2026-03-01T00:00:00Z"},
        {"DKIM_KEY_FILE": "k", "DKIM_SELECTOR": "s1", "DKIM_NEXT_SELECTOR": "s2"},
        {"DKIM_KEY_FILE": "k", "DKIM_SELECTOR": "s1", "DKIM_NEXT_SINCE": "2026-03-01T00:00:00"},
        {"BOUNCE_DOMAIN": "jörg.example"},
        {"BOUNCE_DOMAIN": "a@b.example"},
    ],
)
def test_what_is_named_by_halves_or_is_no_name_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]
) -> None:
    with pytest.raises(ValidationError):
        settings_of(monkeypatch, given)


def test_a_second_key_has_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DKIM_KEY_FILE": "k",
        "DKIM_SELECTOR": "s1",
        "DKIM_NEXT_KEY_FILE": "l",
        "DKIM_NEXT_SELECTOR": "s2",
        "DKIM_NEXT_SINCE": "2026-03-01T00:00:00+01:00",
    }

    settings = settings_of(monkeypatch, given)

    assert settings.dkim_next_key_file == Path("l")
    assert settings.dkim_next_since is not None


def test_amounts_are_read_as_an_operator_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "QUIET_HOURS": "22:00-06:30",
        "BUSINESS_DAY_SEVERITIES": "low, info",
        "ROUND_UP_TIME": "",
        "CALENDAR": "BE=Europe/Brussels",
        "OTHER_CALENDARS": "",
        "TOTAL_DAILY_CAP": "0",
        "RECIPIENT_DAILY_CAP": "3",
    }

    amounts = settings_of(monkeypatch, given).amounts

    assert amounts.quiet == QuietHours(time(22), time(6, 30))
    assert amounts.business_days_for == (Severity.LOW, Severity.INFO)
    assert amounts.round_up_at is None
    assert amounts.calendars == Calendars(Calendar("BE", "Europe/Brussels"))
    assert amounts.caps == Caps(recipient=3, domain=5000, incident=50_000)


def test_quiet_hours_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch, {"QUIET_HOURS": ""}).amounts.quiet is None


@pytest.mark.parametrize(
    "given",
    [
        {"QUIET_HOURS": "late"},
        {"QUIET_HOURS": "25:00-07:00"},
        {"ROUND_UP_TIME": "24:30"},
        {"BUSINESS_DAY_SEVERITIES": "low,dreadful"},
        {"CALENDAR": "NL=Europe/Atlantis"},
        {"OTHER_CALENDARS": "XX=Europe/Brussels"},
    ],
    ids=lambda given: "-".join(given.values()).replace("/", "-"),
)
def test_an_amount_that_makes_no_sense_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]
) -> None:
    with pytest.raises(ValidationError):
        settings_of(monkeypatch, given)
