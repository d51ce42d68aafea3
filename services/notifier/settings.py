"""What the notifier needs to know."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from libs.common.addresses import canonical_email
from libs.common.settings import ServiceSettings, service_config


class NotifierSettings(ServiceSettings):
    """Settings of the notifier, from `TOCSIN_NOTIFIER_<NAME>`."""

    model_config = service_config("notifier")

    smtp_host: str = Field("127.0.0.1", description="The mail relay that takes our mails")
    smtp_port: int = Field(587, description="Its port", ge=1, le=65535)
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="none, starttls or tls (from the start)"
    )
    smtp_ca_file: Path | None = Field(
        None, description="Certificate authority of the relay, a PEM file; empty: the system's"
    )
    smtp_username: str = Field("", description="Who we are to the relay; empty: no authentication")
    smtp_password: SecretStr = Field(SecretStr(""), description="Our password there")
    smtp_connections: int = Field(
        32,
        description="Mails under way at once, each on a connection; so many can be in doubt after a crash",
        ge=1,
        le=200,
    )
    smtp_timeout_seconds: float = Field(
        20.0, description="A relay that answers a command later than this is away", gt=0
    )

    from_name: str = Field("Tocsin", description="Who writes, as recipients see it", min_length=1, max_length=60)
    from_address: str = Field(
        "notifications@tocsin.example", description="The one sender of all mails; Message-IDs have its domain"
    )
    envelope_sender: str = Field("", description="Where bounces go; empty: from_address")
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
    recipient_daily_cap: int = Field(
        50, description="Incidents that a recipient is told of in a day; critical ones go", ge=1
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

    sender_pause_seconds: float = Field(
        0.1, description="Pause between two looks at what can be sent; news of this process ends it", gt=0, le=0.5
    )
    claim_start_seconds: float = Field(
        0.5, description="A mail taken up but not begun by then goes back; bounds how long a brake takes", gt=0, le=0.8
    )
    retry_shortest_minutes: float = Field(
        15.0, description="First pause after a temporary refusal, before jitter", gt=0
    )
    retry_longest_minutes: float = Field(240.0, description="Longest pause between two tries", gt=0)
    retry_greatest_age_hours: float = Field(
        48.0, description="A mail that can't be handed over for this long fails", gt=0
    )

    @field_validator("from_address", "desk_address", "envelope_sender")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and (not value.isascii() or canonical_email(value) != value):
            raise ValueError("not a bare mail address with a domain in A-labels")
        return value
