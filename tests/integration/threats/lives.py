"""What can happen to threats, on a day, and the service as those who look at it see it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec

from libs.common.contracts import Asset, Event, FeedbackReceived, NotificationSent, NotifiedTarget, RawIndicator
from libs.common.db import Database
from libs.common.errors import Transient
from libs.common.ids import new_id
from libs.common.service import Service
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import FeedbackKind, RecipientKind
from services.verifier import store
from services.verifier.app import build
from services.verifier.domain import Threat, threat_id_of
from services.verifier.handlers import (
    RulesInForce,
    age_threats,
    note_warnings,
    threat_with_sightings,
    weigh_feedback,
)
from services.verifier.handlers.life import BEFORE_ALL
from services.verifier.settings import VerifierSettings
from tests.conftest import Kafka
from tests.integration.feedback.mails import mail
from tests.integration.test_verifier import verify
from tests.unit.verifier.builders import NOW, raw

DAY = timedelta(days=1)
BAKER, BUTCHER = Asset(ip="145.10.20.30", port=445), Asset(ip="145.10.20.31", port=445)


def seen(
    number: int,
    day: float,
    asset: Asset = BAKER,
    **changes: Any,  # Any: fields of Indicator, each of its own type
) -> RawIndicator:
    """A record of what was seen on that day, which came on that day."""
    at = NOW + day * DAY
    indicator = raw(number, asset=asset, seen_at=at, **changes)
    return msgspec.structs.replace(indicator, received_at=at)


@dataclass(frozen=True, slots=True)
class Life:
    """What can happen to threats, on a day."""

    database: Database
    rules: RulesInForce

    async def hear(self, *indicators: RawIndicator) -> list[Event]:
        return await verify(self.database, self.rules, *indicators, now=max(each.received_at for each in indicators))

    async def walk(self, day: float) -> None:
        """All threats are looked at."""
        async with self.database.transaction() as tx:
            await store.compact_reports(tx)
            assert await age_threats(tx, self.rules.current, after=BEFORE_ALL, now=NOW + day * DAY) is None

    async def hand_over(self, day: float, *assets: Asset) -> None:
        """To a national or sector team."""
        sent = msgspec.structs.replace(
            warning([threat_id_of(raw(asset=asset)) for asset in assets], day),
            recipient_kind=RecipientKind.NATIONAL_CERT,
        )
        async with self.database.transaction() as tx:
            await note_warnings([sent], tx=tx, now=NOW + day * DAY)

    async def warn(self, day: float, *assets: Asset, name: str = "", test_of: str | None = None) -> None:
        threat_ids = [threat_id_of(raw(asset=asset)) for asset in assets]
        async with self.database.transaction() as tx:
            await note_warnings([warning(threat_ids, day, name=name, test_of=test_of)], tx=tx, now=NOW + day * DAY)

    async def answer(self, kind: FeedbackKind, day: float, *assets: Asset) -> None:
        at, threat_ids = NOW + day * DAY, tuple(threat_id_of(raw(asset=asset)) for asset in assets)
        answer = FeedbackReceived(feedback_id=new_id(), kind=kind, incident="open-smb", at=at, threat_ids=threat_ids)
        async with self.database.transaction() as tx:
            await weigh_feedback([answer], tx=tx, now=at)

    async def of(self, asset: Asset = BAKER) -> Threat:
        async with self.database.transaction() as tx:
            threat, _ = await threat_with_sightings(tx, threat_id_of(raw(asset=asset)))
        return threat

    async def reports(self) -> list[tuple[object, ...]]:
        async with self.database.transaction() as tx:
            return sorted(map(tuple, await tx.fetch("SELECT * FROM reports")), key=repr)


def warning(threat_ids: Sequence[UUID], day: float, *, name: str = "", test_of: str | None = None) -> NotificationSent:
    targets = tuple(NotifiedTarget(target_id=new_id(), threat_id=each, asset="x") for each in threat_ids)
    sent = mail(name or f"mail-{day}", sent_at=NOW + day * DAY, test_of=test_of)
    return msgspec.structs.replace(sent, targets=targets)


@dataclass(frozen=True, slots=True)
class Desk:
    """The verifier as a viewer sees it."""

    service: Service
    client: httpx.AsyncClient

    async def get(self, path: str, **asked: str) -> dict[str, Any]:  # Any: JSON of answers
        answer: dict[str, Any] = (await self.client.get(path, params=asked)).raise_for_status().json()
        return answer


@asynccontextmanager
async def serving(
    kafka: Kafka, database_url: str, operator_public_key: str, **settings: float
) -> AsyncIterator[Service]:
    """The service with its tasks, once the rules have been read."""
    given = {
        "http_port": 1,
        "database_url": database_url,
        "kafka_bootstrap": kafka.bootstrap,
        "operator_public_key": operator_public_key,
        **settings,
    }
    service, shutdown = build(VerifierSettings.model_validate(given)), Shutdown()
    tasks = asyncio.gather(*(task(shutdown) for task in service.tasks))
    await until(lambda: is_ready(service))
    try:
        yield service
    finally:
        shutdown.request()
        await tasks
        await service.publisher.close()
        await service.database.close()


async def is_ready(service: Service) -> bool:
    try:
        await service.checks["rules"]()
    except Transient:
        return False
    return True


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await reached():
            await asyncio.sleep(0.02)


async def compact(database: Database) -> None:
    async with database.transaction() as tx:
        await store.compact_reports(tx)


FIXED, QUIET, GONE, STILL, WRONG, EARLY, STOPPED, LATE, UNWARNED = (
    Asset(ip=f"145.10.22.{number}", port=445) for number in range(1, 10)
)


async def warned_of_all_kinds(life: Life) -> None:
    """One threat of each fate. The feed `demo` reports until day 130; `other`, of one threat, only on day 0."""
    assets = (FIXED, QUIET, GONE, STILL, WRONG, LATE, UNWARNED)
    await life.hear(*(seen(number, 0, asset) for number, asset in enumerate(assets, start=1)))
    await life.hear(seen(10, 0, STOPPED, partner="other"))
    await life.warn(1, FIXED, QUIET, GONE, STILL, WRONG, STOPPED)
    await life.answer(FeedbackKind.FIXED, 4, FIXED)
    await life.answer(FeedbackKind.FALSE_POSITIVE, 5, WRONG)
    await life.hear(seen(11, 60, QUIET))
    await life.hear(seen(12, 7, GONE))
    await life.hear(seen(13, 110, STILL))
    await life.hear(seen(14, 129, EARLY))
    await life.walk(130)
    await life.warn(130, EARLY, LATE)


def today() -> float:
    """In days, as these tests count."""
    return (datetime.now(UTC) - NOW) / DAY
