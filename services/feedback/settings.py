"""What the feedback service needs to know."""

from pathlib import Path

from pydantic import Field, SecretStr

from libs.common.settings import ServiceSettings, service_config


class FeedbackSettings(ServiceSettings):
    """Read once, at the start."""

    model_config = service_config("feedback")

    link_key: SecretStr = Field(
        description="Secret that signs the links in mails; the notifier has the same", min_length=16
    )
    public_url: str = Field(
        description="Where the public reaches these pages: https://host, no slash at the end",
        pattern=r"^https?://[^/\s]+$",
    )
    service_name: str = Field("Tocsin", description="Who we are, as pages and mails say it")
    desk_address: str = Field("desk@tocsin.example", description="Where people write with questions")
    small_number: int = Field(5, description="Public counts and ratings of fewer than this are not shown", ge=1)
    verify_burst: int = Field(20, description="References that one address may look up at once", ge=1)
    verify_per_minute: float = Field(10.0, description="And how many more each minute after that", gt=0)
    verify_remembered_addresses: int = Field(
        20_000, description="Addresses whose look-ups are counted, in memory; the longest silent is forgotten", ge=1
    )
    register_open: bool = Field(
        True, description="Whether organisations can register by themselves; what is registered stays either way"
    )
    register_burst: int = Field(10, description="Forms of `/register` that one address may send at once", ge=1)
    register_per_minute: float = Field(
        0.1,
        description="And how many more each minute after that; so that no address alone has all the mails of a day",
        gt=0,
    )
    register_most_assets: int = Field(
        100, description="Domains, ranges and AS numbers that one organisation may register by itself", ge=1, le=1000
    )
    register_kept_days: float = Field(
        7.0,
        description="A registration that nobody has confirmed by then is forgotten, and so is one that was withdrawn",
        gt=0,
        le=90,
    )
    register_mails_to_one_a_day: int = Field(
        3, description="How often a day a mailbox is asked whether a registration is right; no more than this", ge=1
    )
    register_mails_a_day: int = Field(
        500, description="And all mailboxes together; after that the page asks to come back tomorrow", ge=1
    )
    register_changes_a_day: int = Field(
        10, description="How often a day a registration may be changed, as registries are asked about each asset", ge=1
    )
    allow_documentation_ranges: bool = Field(
        False, description="Let documentation addresses be registered: for demonstrations and tests only"
    )
    mail_domain: str = Field(
        "",
        description="Domain of the Message-IDs of our mails; empty: that of the desk's address",
        pattern=r"^[a-z0-9.-]*$",
    )
    lmtp_host: str = Field("127.0.0.1", description="Address to listen on for mails that come back (LMTP)")
    lmtp_port: int = Field(0, description="Port to listen on for them; 0: none are brought", ge=0, le=65535)
    maildir: Path | None = Field(
        None, description="Maildir into which a mail server lays mails that come back; empty: there is none"
    )
    max_mail_bytes: int = Field(
        10 * 1024 * 1024,
        description="Mails larger than this are not taken; of each the first 512 KiB are looked at",
        ge=1024,
    )
