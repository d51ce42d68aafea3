"""What is parsed in the measurement is the format's own example, many times over."""

import pytest

from bench.parse import cpu_seconds, payload_of
from services.intake.domain.formats import FORMATS


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_record_of_the_measured_payload_is_read(name: str) -> None:
    form = FORMATS[name]

    assert cpu_seconds(form, payload_of(form, 20), 20) > 0
