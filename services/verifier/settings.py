"""Settings of the verifier."""

from pathlib import Path

from pydantic import Field

from libs.common.settings import ServiceSettings, service_config
from services.verifier.domain.exploitation import Source
from services.verifier.domain.rules import DEFAULT_MAX_AGE_DAYS


class VerifierSettings(ServiceSettings):
    """What the verifier needs to know."""

    model_config = service_config("verifier")

    constituency_countries: frozenset[str] = Field(
        frozenset({"NL"}), description='Countries that we write to, as JSON: `["NL"]`'
    )
    vital_assets_file: Path | None = Field(
        None,
        description="CSV `kind,value,name[,sector,warned_by]` of whom others warn: ip-range, domain, asn; empty: none",
    )
    max_age_days: dict[str, int] = Field(
        dict(DEFAULT_MAX_AGE_DAYS), description="Days that a finding stays news, by taxonomy or taxonomy/type, as JSON"
    )
    hold_below_confidence: float = Field(0.4, description="Less confidence than this waits for a person", ge=0, le=1)
    held_overdue_hours: float = Field(24.0, description="What a person has not decided by then is overdue", gt=0)
    renew_after_days: int = Field(
        15,
        description="A threat still seen so long after it was news is news again; above the notifier's interval",
        ge=1,
    )
    attribution_url: str = Field(
        "", description="Where attribution is asked to how many people draft rules would go; empty: nobody is asked"
    )
    exploitation_max_age_days: int = Field(
        14, description="A list of exploited vulnerabilities older than this is said to be so", ge=1
    )
    expected_exploitation_lists: str = Field(
        "kev,epss",
        description="Lists of what is exploited that have to be there: kev, epss; one that is not is an alert",
        pattern="^((kev|epss)(,(kev|epss))*)?$",
    )
    allow_documentation_ranges: bool = Field(
        False, description="Take documentation addresses for real: for demonstrations and tests only"
    )
    rules_refresh_seconds: float = Field(2.0, description="How soon a changed incident is in force", gt=0)

    @property
    def expected_lists(self) -> frozenset[Source]:
        return frozenset(Source(name) for name in self.expected_exploitation_lists.split(",") if name)
