"""How mails leave: the relay, signatures, encryption, and when they are tried again."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, Field, SecretStr, field_validator, model_validator

from libs.common.settings import ServiceSettings
from services.notifier.domain.sealing.policy import EncryptionPolicy
from services.notifier.settings.values import listed

SELECTOR = r"^([a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?)?$"

OLDER_NAMES: Mapping[str, str] = {"starttls": "required", "tls": "implicit"}


class RelaySettings(ServiceSettings):
    """The way to recipients' mail servers."""

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

    @field_validator("sending_addresses")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        return ",".join(str(ip_address(address)) for address in listed(value))

    @property
    def sending_address_list(self) -> Sequence[str]:
        return listed(self.sending_addresses)

    @property
    def nameserver_list(self) -> Sequence[str]:
        return listed(self.nameservers)

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
