"""From a verified record to the mails that leave, with the real gateways and a registry on this machine."""

import asyncio
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, ListedOperator, TargetAttributed
from libs.common.db import Database
from libs.common.migrations import migrate
from services.attribution.domain.answers import Source
from services.attribution.gateway.guard import Sources
from services.attribution.settings import AttributionSettings
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.planning import take_up_incidents
from tests.databases import new_database
from tests.integration.attribution.test_enquiries import running_with, settings, until
from tests.integration.attribution.test_listed import TEAMS
from tests.integration.test_notifier import close_due, plan, send
from tests.unit.attribution.builders import NOW, a_threat
from tests.unit.attribution.outside.test_sources import staged
from tests.unit.notifier.builders import incident

__all__ = ["settings"]

LATER = NOW + timedelta(minutes=6)


@pytest.fixture
def patience() -> float:
    return 60.0


async def test_a_record_becomes_a_mail_to_whom_the_registry_names_and_one_to_the_team_of_what_is_listed(
    settings: AttributionSettings, operator_key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    ladder = tmp_path / "ladder.toml"
    ladder.write_text(TEAMS)
    with_team = settings.model_copy(update={"ladder_file": ladder})
    listed = msgspec.structs.replace(a_threat(Asset(ip="192.0.2.9")), listed=ListedOperator(name="Water Works"))

    async with staged(Source.RDAP_DOMAIN, tmp_path) as registry:
        outside = Sources({Source.RDAP_DOMAIN: registry.guarded})
        async with running_with(with_team, outside, operator_key) as running:  # type: ignore[arg-type]  # no script
            at_once = await running.attribute(listed, a_threat(Asset(domain="www.bakery.nl")))
            answered = await until(running.desk.sent, bool)
        assert list(registry.server.asked) == ["/domain/bakery.nl"]
    targets = [event for event in (*at_once, *answered) if isinstance(event, TargetAttributed)]

    mails = await mailed(settings, *targets)

    assert set(mails) == {"reports@csirt.example", "jan@bakery.nl"}
    assert [name.partition("-")[0] for name in mails["reports@csirt.example"]] == ["findings", "xarf"]
    assert mails["jan@bakery.nl"] == []


async def mailed(settings: AttributionSettings, *targets: TargetAttributed) -> dict[str, list[str]]:
    """Who gets a mail, and the names of the files in it."""
    superuser = settings.database_url.get_secret_value()
    relay = RememberingRelay()
    async with new_database(superuser) as url:
        await asyncio.to_thread(migrate, "notifier", url)
        database = Database(url, pool_size=4, statement_timeout_seconds=10)
        async with database.transaction() as tx:
            await take_up_incidents([incident()], tx=tx, now=NOW)
        await plan(database, *targets, now=NOW)
        await close_due(database, now=LATER)
        await send(database, relay, now=LATER)
        await database.close()
    found = {}
    for mail in relay.mails:
        message = message_from_bytes(mail.content, policy=policy.default)
        found[mail.recipient] = [part.get_filename() or "" for part in message.iter_attachments()]
    return found
