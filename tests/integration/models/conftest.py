"""An event loop whose tasks can die, and faults that strike them."""

import asyncio
from collections.abc import Iterator

import pytest

from libs.common.faults import arming
from tests.integration.models.lives import Fates, MortalLoop


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    monkeypatch.setattr(arming, "_armed", Fates())
    with asyncio.Runner(loop_factory=MortalLoop) as runner:
        yield runner
