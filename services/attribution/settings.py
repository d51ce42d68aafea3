"""What this service can be told."""

from pathlib import Path

from pydantic import Field, SecretStr

from libs.common.settings import ServiceSettings, service_config

LONGEST_QUESTION_SECONDS = 30.0
"""A question is left to whoever asks it for twice as long as it may take: after a death it waits a minute at most."""


class AttributionSettings(ServiceSettings):
    model_config = service_config("attribution")

    constituency_countries: frozenset[str] = Field(
        frozenset({"NL"}),
        description="JSON list of ISO 3166 codes: owners of networks in other countries are not written to, and who "
        "registers by itself is taken to be in one of these",
    )
    ladder_file: Path | None = Field(
        None,
        description="TOML that changes who is asked whom a threat hits, and what it counts; empty: as shipped",
    )
    directory_refresh_seconds: float = Field(
        2.0, description="How often to look for a new registry snapshot or changed organisations", gt=0, le=300
    )
    security_txt_enabled: bool = Field(
        False, description="Fetch security.txt from hosts under report: the one connection that is ever made to them"
    )
    rdap_bootstrap_dir: Path | None = Field(
        None,
        description="Folder with IANA's RDAP bootstrap files (asn.json, dns.json, ipv4.json, ipv6.json, "
        "object-tags.json); empty: no registry is asked by RDAP",
    )
    kvk_base_url: str = Field("", description="Where the Dutch company registry's APIs are; empty: it is not asked")
    kvk_api_key: SecretStr = Field(SecretStr(""), description="Key for them")
    company_file: Path | None = Field(
        None, description="CSV or JSON with companies, for countries whose registry has no API; empty: none"
    )
    mail_exchange_enabled: bool = Field(
        False, description="Ask the DNS whether a domain takes mail, before an address at it is guessed"
    )
    dns_proofs_enabled: bool = Field(
        False, description="Ask the DNS for the records by which organisations prove their domains"
    )
    dns_proofs_seconds: float = Field(
        300.0,
        description="How often the record of a domain is looked for that an organisation has registered by itself: in "
        "the first two hours; then every hour, and after two days every six",
        gt=0,
        le=3600,
    )
    dns_nameservers: tuple[str, ...] = Field(
        (), description="JSON list of addresses of name servers; empty: those of the machine"
    )
    claims_url: str = Field(
        "",
        description="Address at which registries' contacts reach `/claims/` of this service, to say whether a claim is "
        "right; nothing else of it need be reachable there. Empty: they can only answer the mail",
        pattern=r"^(https?://[^/\s]+)?$",
    )
    contact_url: str = Field(
        "", description="Page that says who asks and why; it stands in the User-Agent of each request to a source"
    )
    source_seconds: float = Field(
        10.0, description="How long a question to an outside source may take", gt=0, le=LONGEST_QUESTION_SECONDS
    )
    source_questions_per_second: float = Field(
        1.0, description="Questions to each outside source, by each replica, on the long run", gt=0, le=100
    )
    source_rest_seconds: float = Field(
        60.0, description="For how long a source that failed five times in a row is left alone", gt=0
    )
    verifier_url: str = Field(
        "",
        description="Where a look-up asks the verifier whether its list of those whom other teams warn names an asset; "
        "empty: nobody is asked, and the look-up says so",
    )
    patience_critical_seconds: float = Field(
        60.0, description="How long a critical threat may wait for the answer of an outside source", ge=0
    )
    patience_seconds: float = Field(
        900.0, description="How long any other threat may wait for the answer of an outside source", ge=0
    )
    silent_categories: tuple[str, ...] = Field(
        ("intrusions", "malicious-code"),
        description="JSON list of first words of categories (RSIT): from hosts reported under them nothing is fetched, "
        "not even their security.txt, since an intruder may be watching",
    )
    unattributed_overdue_hours: float = Field(
        168.0, description="A threat whose recipient no person has named by then is overdue", gt=0
    )
    conflicts_overdue_hours: float = Field(
        168.0, description="A conflict between two organisations that no person has decided by then is overdue", gt=0
    )
    max_import_bytes: int = Field(
        8 * 1024**3, description="Largest dump that the API takes, as it is sent (gzip or plain)", ge=1
    )
    max_organisations_bytes: int = Field(
        64 * 1024**2, description="Largest file of organisations, unpacked; it is read as a whole", ge=1
    )
    import_statement_timeout_seconds: float = Field(
        3600.0, description="A statement of an import that takes longer is cancelled", ge=1
    )
