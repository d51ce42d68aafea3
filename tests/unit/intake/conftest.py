"""What receiving works with, for tests that never reach the database or the broker."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from services.intake.app import means_of
from services.intake.handlers.means import Means
from services.intake.settings import IntakeSettings


@pytest.fixture
def means(tmp_path: Path) -> Means:
    settings = IntakeSettings(
        http_port=1,
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1/nothing"),
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key="",
        payload_dir=tmp_path,
        max_body_bytes=100_000,
        body_idle_seconds=0.05,
        slice_records=3,
    )
    return means_of(settings)
