"""What several files of these tests start from."""

import asyncio
from pathlib import Path

import pytest

from services.intake.settings import IntakeSettings
from tests.conftest import Kafka
from tests.databases import make_tables


@pytest.fixture
async def intake_settings(kafka: Kafka, database_url: str, operator_public_key: str, tmp_path: Path) -> IntakeSettings:
    """Of an intake of the test's own; its database has its tables."""
    await asyncio.to_thread(make_tables, "intake", database_url)
    return IntakeSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=kafka.bootstrap,
        operator_public_key=operator_public_key,
        payload_dir=tmp_path,
    )
