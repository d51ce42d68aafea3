"""How many records a partner may bring in a day. Days are those of UTC."""

import math
from datetime import datetime, timedelta

from services.intake.domain.records import PayloadError


def day_of(now: datetime) -> datetime:
    """When the day began."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def over_quota(records: int, *, used: int, quota: int, now: datetime) -> PayloadError | None:
    """Why a payload with so many records, or more, is not taken; None if it is. It is taken whole or not at all."""
    if records > quota:
        return PayloadError(
            413, "too-many-records", f"there are more than the {quota} records that you may bring a day"
        )
    if used + records <= quota:
        return None
    return PayloadError(
        429,
        "quota-exceeded",
        f"you may bring {quota} records a day and have brought {used}; these would be {records} more. "
        "A new day begins at midnight UTC",
        retry_after_seconds=math.ceil((day_of(now) + timedelta(days=1) - now).total_seconds()),
    )
