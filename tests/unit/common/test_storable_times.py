"""Times that somebody names are those that a column holds."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from libs.common.storable import StorableTime

TIMES: TypeAdapter[datetime] = TypeAdapter(StorableTime)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-02T12:00:00"])
def test_a_time_that_is_none_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TIMES.validate_python(text)


def test_a_time_is_taken_in_utc() -> None:
    assert TIMES.validate_python("2026-03-02T14:00:00+02:00").isoformat() == "2026-03-02T12:00:00+00:00"
    assert TIMES.validate_python("9999-12-31T23:59:59Z").tzinfo is UTC
