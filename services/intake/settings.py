"""What intake needs to know."""

from pathlib import Path

from pydantic import Field, SecretStr

from libs.common.settings import ServiceSettings, service_config

MIB = 1024 * 1024


class IntakeSettings(ServiceSettings):
    """Settings of intake, from `TOCSIN_INTAKE_<NAME>`."""

    model_config = service_config("intake")

    payload_dir: Path = Field(description="Folder that keeps the payloads as evidence; all replicas share it")
    max_body_bytes: int = Field(1024 * MIB, description="Largest payload as sent", ge=1)
    max_unpacked_bytes: int = Field(4096 * MIB, description="Largest payload once unpacked", ge=1)
    body_idle_seconds: float = Field(30.0, description="A client that sends nothing for this long is cut off", gt=0)
    immediate_max_bytes: int = Field(MIB, description="A payload up to this size is parsed before the answer", ge=0)
    immediate_max_records: int = Field(
        10_000, description="A payload that unpacks to more records is parsed after the answer, however small", ge=1
    )
    immediate_room_bytes: int = Field(
        2 * MIB,
        description="So much is parsed before the answer at a time; what finds no room is parsed after it",
        ge=0,
    )
    slice_records: int = Field(2000, description="Records parsed, stored and published in one go", ge=1, le=20_000)
    parallel_submissions: int = Field(2, description="Large payloads that one replica parses at a time", ge=1, le=16)
    lease_seconds: float = Field(
        15.0, description="A submission whose worker is silent for so long changes hands", gt=0
    )
    publish_wait_seconds: float = Field(
        10.0, description="A small payload is answered 202 when the broker takes longer than this", gt=0
    )
    repeat_window_hours: float = Field(
        24.0, description="The same payload without an Idempotency-Key gets the first receipt for this long", ge=0
    )
    backlog_target_records: int = Field(
        20_000,
        description="Large payloads are read on while fewer records than this wait in the topics, so that small ones "
        "need not wait behind them",
        ge=1000,
    )
    backlog_limit_records: int = Field(
        1_000_000, description="With more records than this waiting in the topics, new payloads are refused", ge=1
    )
    unread_limit_bytes: int = Field(
        16 * 1024 * MIB, description="With more bytes than this kept and not read yet, new payloads are refused", ge=1
    )
    pending_refresh_seconds: float = Field(2.0, description="How often the records on their way are counted", gt=0)
    partner_cache_seconds: float = Field(5.0, description="How long a key counts as looked up", ge=0)
    requests_per_minute: int = Field(1200, description="Requests a key may make, on average", ge=1)
    requests_burst: int = Field(200, description="Requests a key may make at once", ge=1)
    client_certificate_header: str = Field(
        "",
        description="Header in which a trusted proxy says which verified certificate a client came with: SHA-256 "
        "fingerprint (64 hex digits) or subject; empty: keys can't be bound to one",
        pattern=r"^[A-Za-z0-9-]*$",
    )
    mail_domain: str = Field(
        "",
        description="Domain of the addresses to which partners send mail, as `feeds.example.org`; empty: they get none",
        pattern=r"^[a-z0-9.-]*$",
    )
    lmtp_host: str = Field("127.0.0.1", description="Address to listen on for mail from a mail server (LMTP)")
    lmtp_port: int = Field(0, description="Port to listen on for it; 0: no mail is taken", ge=0, le=65535)
    processing_overdue_minutes: float = Field(
        60.0, description="A payload that is not read to its end by then is overdue", gt=0
    )
    pending_overdue_hours: float = Field(
        120.0, description="A record without an outcome by then is overdue; a mail alone may take 96 hours", gt=0
    )
    verifier_url: str = Field("", description="Where the reconciliation asks the verifier; empty: there is none")
    attribution_url: str = Field("", description="Where it asks attribution")
    notifier_url: str = Field("", description="Where it asks the notifier")
    feedback_url: str = Field("", description="Where it asks feedback")
    auditor_token: SecretStr = Field(
        SecretStr(""), description="An operator's token with the role viewer or auditor, for the reconciliation"
    )
    reconcile_hour: int = Field(
        3, description="Hour of the day (UTC) from which one replica compares the books of all services", ge=0, le=23
    )
    reconcile_days: float = Field(
        7.0, description="It looks at the submissions of so many days; the nights before saw the others", gt=0
    )
    reconcile_wait_seconds: float = Field(
        300.0, description="How long what is under way may take to come to rest, before it is told of as such", ge=0
    )
    webhook_ports: str = Field(
        "443,8443",
        description="Ports that partners' webhooks may have, separated by commas; empty: there are no webhooks",
        pattern=r"^(\d{1,5}(,\d{1,5})*)?$",
    )
    webhook_insecure: bool = Field(
        False,
        description="Let webhooks lead to any address and port, this machine's own too, without TLS; for tests only",
    )
    webhook_seconds: float = Field(
        10.0, description="An attempt at a webhook that takes longer has failed", gt=0, le=60
    )
    digest_hour: int = Field(
        5,
        description="Hour of the day (UTC) at which the periods of digests end; those of weeks on Mondays",
        ge=0,
        le=23,
    )
    public_url: str = Field(
        "",
        description="Address of intake, as partners reach it; digests lead to receipts there. Empty: they don't",
        pattern=r"^(https?://[^/\s]+)?$",
    )
    bootstrap_partner_key: SecretStr = Field(
        SecretStr(""), description="Makes sure that a partner `demo` with this key exists; empty: it does not"
    )
