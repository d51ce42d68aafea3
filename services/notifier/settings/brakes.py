"""When mails wait for an approver."""

from typing import Literal

from pydantic import Field

from libs.common.settings import ServiceSettings


class BrakeSettings(ServiceSettings):
    """First waves, unusual volume, and who releases what they keep back."""

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
