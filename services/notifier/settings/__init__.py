"""What the notifier needs to know."""

from collections.abc import Sequence

from pydantic import Field, SecretStr, field_validator

from libs.common.addresses import canonical_domain, canonical_email
from libs.common.settings import service_config
from services.notifier.settings.amounts import AmountSettings
from services.notifier.settings.brakes import BrakeSettings
from services.notifier.settings.relay import RelaySettings
from services.notifier.settings.values import listed


class NotifierSettings(BrakeSettings, AmountSettings, RelaySettings):
    """Settings of the notifier, from `TOCSIN_NOTIFIER_<NAME>`."""

    model_config = service_config("notifier")

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
    sample_domains: str = Field(
        "",
        description="Domains to whose addresses operators may have a sample sent, separated by commas; empty: that of "
        "desk_address",
    )
    public_url: str = Field(
        description="Address of the public pages, as recipients see it", pattern=r"^https?://[^/\s]+$"
    )
    link_key: SecretStr = Field(description="Secret behind the links in mails; feedback has the same", min_length=16)
    reference_key: SecretStr = Field(
        SecretStr(""), description="Secret behind the references; empty: follows from link_key"
    )
    approval_confidence: float = Field(
        0.45, description="A mail with a target attributed with less confidence waits for a person", ge=0, le=1
    )
    approval_overdue_hours: float = Field(
        8.0, description="A mail that no person has decided on by then is overdue", gt=0
    )
    targets_per_mail_max: int = Field(
        10_000,
        description="More targets than this become another mail, and each that is full says so",
        ge=1,
        le=10_000,
    )
    mail_bytes_max: int = Field(
        10_000_000,
        description="No mail is larger, or than the relay says that it takes: files have less in them, and say so",
        ge=1_000_000,
        le=50_000_000,
    )
    groups_per_round: int = Field(
        200, description="Notifications closed in one transaction when they are due", ge=1, le=2000
    )
    planner_pause_seconds: float = Field(0.25, description="Pause between two looks at what is due", gt=0)

    @field_validator("from_address", "desk_address", "envelope_sender")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and (not value.isascii() or canonical_email(value) != value):
            raise ValueError("not a bare mail address with a domain in A-labels")
        return value

    @field_validator("sample_domains")
    @classmethod
    def _are_domains(cls, value: str) -> str:
        if any(canonical_domain(domain) is None for domain in listed(value)):
            raise ValueError("not domains, with commas between")
        return value

    @field_validator("bounce_domain")
    @classmethod
    def _is_a_domain(cls, value: str) -> str:
        if value and (not value.isascii() or canonical_domain(value) != value):
            raise ValueError("not a domain in A-labels")
        return value

    @property
    def sample_domain_list(self) -> Sequence[str]:
        domains = listed(self.sample_domains) or [self.desk_address.rpartition("@")[2]]
        return [domain for domain in map(canonical_domain, domains) if domain is not None]

    @property
    def plain_envelope_sender(self) -> str:
        """Where bounces go of what has no return address of its own."""
        return self.envelope_sender or (f"b@{self.bounce_domain}" if self.bounce_domain else self.from_address)
