"""What this service can be told."""

from pydantic import Field

from libs.common.settings import ServiceSettings, service_config


class AttributionSettings(ServiceSettings):
    model_config = service_config("attribution")

    constituency_countries: frozenset[str] = Field(
        frozenset({"NL"}),
        description="JSON list of ISO 3166 codes: owners of networks in other countries are not written to",
    )
    directory_refresh_seconds: float = Field(
        2.0, description="How often to look for a new registry snapshot or changed organisations", gt=0, le=300
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
