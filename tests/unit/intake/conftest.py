"""What receiving works with, for tests that never reach the database or the broker."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from libs.common.db import Database
from libs.common.publisher import Publisher
from services.intake.app import bounds_of
from services.intake.handlers.means import Means
from services.intake.settings import IntakeSettings
from services.intake.store.payloads import PayloadFiles


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
    return Means(
        database=Database(settings.database_url.get_secret_value(), pool_size=1, statement_timeout_seconds=1),
        publisher=Publisher(settings=settings, service="intake"),
        payloads=PayloadFiles(tmp_path),
        bounds=bounds_of(settings),
    )
