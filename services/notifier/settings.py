"""What the notifier needs to know."""

from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, Field, SecretStr, field_validator, model_validator

from libs.common.addresses import canonical_domain, canonical_email
from libs.common.errors import Fatal
from libs.common.settings import ServiceSettings, service_config
from libs.common.vocabulary import Severity
from services.notifier.domain.amount.calendar import Calendar, Calendars, QuietHours, calendar_of
from services.notifier.domain.amount.policy import AmountPolicy, Caps
from services.notifier.domain.sealing.policy import EncryptionPolicy

SELECTOR = r"^([a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?)?$"

OLDER_NAMES: Mapping[str, str] = {"starttls": "required", "tls": "implicit"}


class NotifierSettings(ServiceSettings):
    """Settings of the notifier, from `TOCSIN_NOTIFIER_<NAME>`."""

    model_config = service_config("notifier")

    smtp_host: str = Field("127.0.0.1", description="The mail relay that takes our mails, or the path of its socket")
    smtp_port: int = Field(587, description="Its port", ge=1, le=65535)
    smtp_security: Literal["auto", "required", "implicit", "opportunistic", "none"] = Field(
        "auto",
        description="required: STARTTLS, or no mail leaves; implicit: TLS from the first byte; opportunistic: TLS if "
        "the relay can, its certificate unchecked, else clear text; none: clear text; auto: none for a relay on this "
        "machine, else required",
    )
    smtp_ca_file: Path | None = Field(
        None, description="Certificate authority of the relay, a PEM file; empty: the system's"
    )
    smtp_client_certificate_file: Path | None = Field(
        None, description="Our certificate for the relay, a PEM file with its chain; empty: none"
    )
    smtp_client_key_file: Path | None = Field(None, description="Its private key; empty: in the same file")
    smtp_username: str = Field("", description="Who we are to the relay; empty: no authentication")
    smtp_password: SecretStr = Field(SecretStr(""), description="Our password there")
    smtp_helo_name: str = Field("", description="What we call ourselves to the relay; empty: the name of this machine")
    smtp_connections: int = Field(
        32,
        description="Mails under way at once, each on a connection; so many can be in doubt after a crash",
        ge=1,
        le=200,
    )
    smtp_connections_per_domain: int = Field(
        16, description="Of those to recipients of one domain: a slow one does not hold up the others", ge=1, le=200
    )
    smtp_mails_per_connection: int = Field(100, description="A connection is closed after so many mails", ge=1)
    smtp_connection_seconds: float = Field(60.0, description="And after the first mail from then on", gt=0)
    smtp_timeout_seconds: float = Field(
        20.0, description="A relay that answers a command later than this is away", gt=0
    )
    dkim_key_file: Path | None = Field(
        None, description="Private key that signs our mails (DKIM), PEM, RSA of 2,048 bits or Ed25519; empty: none does"
    )
    dkim_selector: str = Field("", description="Selector of that key", pattern=SELECTOR)
    dkim_domain: str = Field("", description="Domain that signs; empty: that of from_address")
    dkim_next_key_file: Path | None = Field(None, description="Key that takes its place; empty: none does")
    dkim_next_selector: str = Field("", description="Its selector", pattern=SELECTOR)
    dkim_next_since: AwareDatetime | None = Field(None, description="From when on it signs, as 2026-03-01T00:00:00Z")
    smime_certificate_file: Path | None = Field(
        None, description="Our certificate that signs mails (S/MIME), PEM, with those above it; empty: none does"
    )
    smime_key_file: Path | None = Field(None, description="Its private key, PEM, RSA or EC; empty: in the same file")
    encrypt: EncryptionPolicy = Field(
        EncryptionPolicy.WHEN_POSSIBLE,
        description="To contacts with a key. when-possible: to a key that can be used, else as it is, unless the "
        "contact takes encrypted mail only; required: whoever has given a key gets no mail as it is; never: nothing "
        "is encrypted, and who takes encrypted mail only gets none",
    )
    check_mx: bool = Field(
        False, description="Ask the DNS first whether a domain takes mail at all; one with a null MX is not tried"
    )
    nameservers: str = Field(
        "", description="Name servers to ask, address or address:port, separated by commas; empty: this machine's"
    )
    sending_addresses: str = Field(
        "",
        description="IP addresses from which the relay's mails leave, separated by commas; for the check of our setup",
    )
    refusals_per_domain: int = Field(
        10,
        description="So many mails in a row that a domain refuses because of us (policy, spam) engage the brake for it",
        ge=1,
    )
    dry_run: bool = Field(
        False,
        description="Do everything but hand over the mails: the relay is asked whether it would take each. None is "
        "called sent, and records end as suppressed, `dry-run`",
    )

    from_name: str = Field("Tocsin", description="Who writes, as recipients see it", min_length=1, max_length=60)
    from_address: str = Field(
        "notifications@tocsin.example", description="The one sender of all mails; Message-IDs have its domain"
    )
    envelope_sender: str = Field("", description="Where bounces go; empty: from_address, or b@ of bounce_domain")
    bounce_domain: str = Field(
        "", description="Domain where every notification has a return address of its own (VERP); empty: none has"
    )
    desk_address: str = Field(
        "desk@tocsin.example", description="Where answers of recipients go; gets the reference after a plus sign"
    )
    public_url: str = Field(
        description="Address of the public pages, as recipients see it", pattern=r"^https?://[^/\s]+$"
    )
    link_key: SecretStr = Field(description="Secret behind the links in mails; feedback has the same", min_length=16)
    reference_key: SecretStr = Field(
        SecretStr(""), description="Secret behind the references; empty: follows from link_key"
    )

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
    approval_confidence: float = Field(
        0.45, description="A mail with a target attributed with less confidence waits for a person", ge=0, le=1
    )
    approval_overdue_hours: float = Field(
        8.0, description="A mail that no person has decided on by then is overdue", gt=0
    )
    targets_per_mail_max: int = Field(2000, description="More targets than this become another mail", ge=1, le=2000)
    groups_per_round: int = Field(
        200, description="Notifications closed in one transaction when they are due", ge=1, le=2000
    )
    planner_pause_seconds: float = Field(0.25, description="Pause between two looks at what is due", gt=0)

    first_wave: Literal["none", "people", "all"] = Field(
        "people",
        description="Which incidents that nobody was mailed about yet begin with a sample, and then wait for an "
        "approver. people: those that a person has approved on this system; all: also those of the release",
    )
    first_wave_critical: bool = Field(False, description="Critical incidents too; else their mails go at once")
    first_wave_mails: int = Field(20, description="At most so many mails are in a first wave", ge=1, le=1000)
    first_wave_share: float = Field(
        0.1, description="And this share of the incident's mails, but one to each kind of recipient", gt=0, le=1
    )
    first_wave_release_hours: float = Field(
        0.0, description="After so long the rest goes by itself, if the first wave went well; 0: never", ge=0
    )
    first_wave_most_bounced: float = Field(0.1, description="It did not with more of it bounced", ge=0, le=1)
    first_wave_most_wrong: float = Field(
        0.05, description="Nor with more of it called wrong, not theirs, or complained about", ge=0, le=1
    )
    first_wave_least_useful: float = Field(3.0, description="Nor with a lower mean rating, of 1 to 5", ge=1, le=5)
    volume_stops: bool = Field(
        True, description="Mails of an incident or a partner wait for an approver on a day that has unusually many"
    )
    volume_floor_mails: int = Field(2000, description="Fewer mails a day are never unusual", ge=0)
    volume_floor_records: int = Field(50_000, description="Nor are fewer records a day", ge=0)
    volume_factor: float = Field(3.0, description="More than so many times the median of the last 28 days is", ge=1)
    volume_spreads: float = Field(
        6.0, description="If it is also above the median by so many robust standard deviations (1.48 MAD)", ge=1
    )
    release_four_eyes: bool = Field(
        False, description="What waits goes only once somebody has asked for it and somebody else has released it"
    )
    release_overdue_hours: float = Field(
        8.0, description="Mails behind a first wave or an unusual volume are overdue after so long", gt=0
    )

    sender_pause_seconds: float = Field(
        0.1, description="Pause between two looks at what can be sent; news of this process ends it", gt=0, le=0.5
    )
    claim_start_seconds: float = Field(
        0.5, description="A mail taken up but not begun by then goes back; bounds how long a brake takes", gt=0, le=0.8
    )
    retry_shortest_minutes: float = Field(
        15.0,
        description="First pause after a temporary refusal, before jitter; greylisting waits a third to all of it",
        gt=0,
    )
    retry_longest_minutes: float = Field(240.0, description="Longest pause between two tries", gt=0)
    retry_greatest_age_hours: float = Field(
        96.0, description="A mail that can't be handed over for this long fails", gt=0
    )
    retry_critical_hours: float = Field(72.0, description="A critical one, whose recipient needs another way", gt=0)
    retry_high_hours: float = Field(72.0, description="A high one", gt=0)
    retry_full_mailbox_hours: float = Field(
        48.0, description="A mailbox that is full for this long gets no more tries", gt=0
    )

    @field_validator("from_address", "desk_address", "envelope_sender")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and (not value.isascii() or canonical_email(value) != value):
            raise ValueError("not a bare mail address with a domain in A-labels")
        return value

    @field_validator("bounce_domain")
    @classmethod
    def _is_a_domain(cls, value: str) -> str:
        if value and (not value.isascii() or canonical_domain(value) != value):
            raise ValueError("not a domain in A-labels")
        return value

    @field_validator("smtp_security", mode="before")
    @classmethod
    def _knows_older_names(cls, value: object) -> object:
        return OLDER_NAMES.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sends_no_password_in_clear(self) -> Self:
        if self.smtp_username and not self._is_relay_here and self.smtp_security in ("opportunistic", "none"):
            raise ValueError("SMTP_USERNAME needs SMTP_SECURITY required or implicit: a password may travel in clear")
        return self

    @model_validator(mode="after")
    def _names_all_of_each_key(self) -> Self:
        if bool(self.dkim_key_file) != bool(self.dkim_selector):
            raise ValueError("DKIM_KEY_FILE and DKIM_SELECTOR belong together")
        following = (self.dkim_next_key_file, self.dkim_next_selector, self.dkim_next_since)
        if any(following) and not (all(following) and self.dkim_key_file):
            raise ValueError(
                "DKIM_NEXT_KEY_FILE, DKIM_NEXT_SELECTOR and DKIM_NEXT_SINCE belong together, after a first key"
            )
        return self

    @model_validator(mode="after")
    def _names_a_key_with_its_certificate(self) -> Self:
        if self.smime_key_file is not None and self.smime_certificate_file is None:
            raise ValueError("SMIME_KEY_FILE belongs to SMIME_CERTIFICATE_FILE")
        return self

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
                {known.country: known for known in map(_calendar, _listed(self.other_calendars))},
            ),
            quiet=QuietHours(time.fromisoformat(start), time.fromisoformat(end)) if start != end else None,
            business_days_for=tuple(map(Severity, _listed(self.business_day_severities))),
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

    @field_validator("sending_addresses")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        return ",".join(str(ip_address(address)) for address in _listed(value))

    @property
    def sending_address_list(self) -> Sequence[str]:
        return _listed(self.sending_addresses)

    @property
    def nameserver_list(self) -> Sequence[str]:
        return _listed(self.nameservers)

    @property
    def plain_envelope_sender(self) -> str:
        """Where bounces go of what has no return address of its own."""
        return self.envelope_sender or (f"b@{self.bounce_domain}" if self.bounce_domain else self.from_address)

    @property
    def relay_security(self) -> Literal["required", "implicit", "opportunistic", "none"]:
        """`smtp_security`, decided."""
        if self.smtp_security == "auto":
            return "none" if self._is_relay_here else "required"
        return self.smtp_security

    @property
    def _is_relay_here(self) -> bool:
        """Whether what goes to the relay stays on this machine."""
        if "/" in self.smtp_host or self.smtp_host == "localhost":
            return True
        try:
            return ip_address(self.smtp_host).is_loopback
        except ValueError:
            return False


def _listed(text: str) -> Sequence[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _calendar(text: str) -> Calendar:
    country, _, zone = text.partition("=")
    return calendar_of(country, zone)
