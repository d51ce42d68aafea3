"""The five services as their `app` builds them, on a database of their own, with what their handlers have to know."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from libs.common.errors import Transient
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from services.attribution import app as attribution
from services.attribution.settings import AttributionSettings
from services.feedback import app as feedback
from services.feedback.settings import FeedbackSettings
from services.intake import app as intake
from services.intake.settings import IntakeSettings
from services.notifier import app as notifier
from services.notifier.settings import NotifierSettings
from services.verifier import app as verifier
from services.verifier.settings import VerifierSettings
from tests.databases import make_tables

LINK_KEY = SecretStr("a key of sixteen or more characters")
PUBLIC_URL = "https://warned.example"
READERS = {"verifier": "rules", "attribution": "directory"}
"""Who has to read something before the first batch, and the check that tells when that is done."""

Common = Mapping[str, object]

BUILDERS: Mapping[str, Callable[[Common, Path], Service]] = {
    "verifier": lambda common, _: verifier.build(
        VerifierSettings.model_validate({**common, "allow_documentation_ranges": True})
    ),
    "attribution": lambda common, _: attribution.build(AttributionSettings.model_validate(common)),
    "notifier": lambda common, _: notifier.build(
        NotifierSettings.model_validate({**common, "link_key": LINK_KEY, "public_url": PUBLIC_URL})
    ),
    "feedback": lambda common, _: feedback.build(
        FeedbackSettings.model_validate({**common, "link_key": LINK_KEY, "public_url": PUBLIC_URL})
    ),
    "intake": lambda common, folder: intake.build(IntakeSettings.model_validate({**common, "payload_dir": folder})),
}


@asynccontextmanager
async def built(
    name: str, *, database_url: str, operator_public_key: str, folder: Path, kafka_bootstrap: str = "127.0.0.1:1"
) -> AsyncIterator[Service]:
    """Built, migrated and ready to handle events; neither consumer nor relay runs. Without a broker unless one is
    named.
    """
    await asyncio.to_thread(make_tables, name, database_url)
    common = {
        "http_port": 1,
        "database_url": database_url,
        "kafka_bootstrap": kafka_bootstrap,
        "operator_public_key": operator_public_key,
    }
    service = BUILDERS[name](common, folder)
    try:
        async with _reading(service):
            yield service
    finally:
        await service.publisher.close()
        await service.database.close()


@asynccontextmanager
async def _reading(service: Service) -> AsyncIterator[None]:
    """While its own tasks run, where its handlers depend on them."""
    if service.name not in READERS:
        yield
        return
    shutdown = Shutdown()
    tasks = asyncio.gather(*(task(shutdown) for task in service.tasks))
    try:
        async with asyncio.timeout(30):
            while not await _is_ready(service):
                await asyncio.sleep(0.01)
        yield
    finally:
        shutdown.request()
        await tasks


async def _is_ready(service: Service) -> bool:
    try:
        await service.checks[READERS[service.name]]()
    except Transient:
        return False
    return True
