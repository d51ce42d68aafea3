"""What this service can be told."""

from pathlib import Path

from pydantic import Field

from libs.common.settings import ServiceSettings, service_config


class AttributionSettings(ServiceSettings):
    model_config = service_config("attribution")

    constituency_countries: frozenset[str] = Field(
        frozenset({"NL"}),
        description="JSON list of ISO 3166 codes: owners of networks in other countries are not written to",
    )
    ladder_file: Path | None = Field(
        None,
        description="TOML that changes who is asked whom a threat hits, and what it counts; empty: as shipped",
    )
    directory_refresh_seconds: float = Field(
        2.0, description="How often to look for a new registry snapshot or changed organisations", gt=0, le=300
    )
    patience_critical_seconds: float = Field(
        60.0, description="How long a critical threat may wait for the answer of an outside source", ge=0
    )
    patience_seconds: float = Field(
        900.0, description="How long any other threat may wait for the answer of an outside source", ge=0
    )
    silent_categories: frozenset[str] = Field(
        frozenset({"intrusions", "malicious-code"}),
        description="JSON list of first words of categories (RSIT): from hosts reported under them nothing is fetched, "
        "not even their security.txt, since an intruder may be watching",
    )
    unattributed_overdue_hours: float = Field(
        168.0, description="A threat whose recipient no person has named by then is overdue", gt=0
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
