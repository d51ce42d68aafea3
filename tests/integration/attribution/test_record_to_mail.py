"""From a verified record to the mails that leave, with the real gateways, and on this machine whom they ask."""

import asyncio
from collections.abc import Mapping
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
from tests.integration.attribution.outside import WITH_ROLE_NAMES, internet
from tests.integration.attribution.test_enquiries import running_with, settings, until
from tests.integration.attribution.test_listed import TEAMS
from tests.integration.test_attribution import in_short
from tests.integration.test_notifier import close_due, plan, send
from tests.name_server import NameServer
from tests.unit.attribution.builders import NOW, a_threat
from tests.unit.attribution.outside.double import Body
from tests.unit.attribution.outside.test_sources import RDAP, REGISTRY, SECURITY_TXT, TEXT, jcard, staged
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


async def test_what_one_source_does_not_know_the_next_is_asked_and_each_leads_to_a_mail(
    settings: AttributionSettings, operator_key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    """A site's own `security.txt`, the registry of its domain, and the DNS, which may also say that nobody is there."""
    asking = settings.model_copy(update={"ladder_file": tmp_path / "ladder.toml"})
    (tmp_path / "ladder.toml").write_text(WITH_ROLE_NAMES)
    hosts = ("bakery.nl", "florist.nl", "grocer.nl", "mute.nl")
    pages: Mapping[str, tuple[str, Body]] = {
        "bakery.nl/.well-known/security.txt": (TEXT, SECURITY_TXT),
        f"{REGISTRY}/domain/florist.nl": (RDAP, registered("florist.nl", email="jan@florist.nl")),
    }
    zone = {("grocer.nl", "MX"): ("10 mail.grocer.nl.",), ("mute.nl", "MX"): ("0 .",)}

    async with internet(tmp_path, hosts=hosts, pages=pages, zone=zone) as outside:
        async with running_with(asking, outside.sources(), operator_key) as running:  # type: ignore[arg-type]  # no script
            assert await running.attribute(*(a_threat(Asset(domain=host)) for host in hosts)) == []
            answered = await until(running.desk.sent, lambda sent: len(sent) == len(hosts))
        asked = {*outside.web.visited}, {name for name, kind in outside.names.asked if kind == "MX"}

    assert asked == (
        {
            *(f"{host}/.well-known/security.txt" for host in hosts),
            *(f"{REGISTRY}/domain/{host}" for host in hosts if host != "bakery.nl"),
        },
        {"grocer.nl", "mute.nl"},
    )
    assert "no-recipient" in in_short(answered)
    assert set(await mailed(settings, *(event for event in answered if isinstance(event, TargetAttributed)))) == {
        "security@bakery.nl",
        "jan@florist.nl",
        "security@grocer.nl",
    }


def registered(domain: str, *, email: str) -> Mapping[str, object]:
    """As a registry writes of a domain whose holder has one contact."""
    contact = {
        "objectClassName": "entity",
        "handle": "P-1",
        "roles": ["administrative"],
        "vcardArray": jcard("Jan", email),
    }
    return {"objectClassName": "domain", "handle": "D-1", "ldhName": domain, "entities": [contact]}


async def test_who_claims_a_domain_gets_the_mail_once_the_dns_has_its_proof(
    settings: AttributionSettings, operator_key: Ed25519PrivateKey
) -> None:
    async with NameServer({("bakery.nl", "TXT"): ('"v=spf1 -all"',)}).running() as names:
        proving = settings.model_copy(update={"dns_proofs_enabled": True, "dns_nameservers": (names.place,)})
        async with running_with(proving, Sources({}), operator_key) as running:  # type: ignore[arg-type]  # no script
            bakery = await running.desk.add_organisation("Bakery", email="desk@bakery.nl")
            assets = f"/v1/organisations/{bakery}/assets"
            claim = {"kind": "domain", "value": "bakery.nl", "vouched": False}
            asset = f"{assets}/{(await running.desk.ask('POST', assets, claim, status=201))['asset_id']}"
            record = (await running.desk.ask("POST", f"{asset}/challenge"))["proof"]["record"]
            assert (await running.desk.ask("POST", f"{asset}/prove", status=409))["type"] == "/problems/not-proven"
            before = await running.attribute(a_threat(Asset(domain="www.bakery.nl")))

            names.learn(record["name"], "TXT", f'"{record["value"]}"')
            assert (await running.desk.ask("POST", f"{asset}/prove"))["proof"]["state"] == "proven"
            afterwards = await running.attribute(a_threat(Asset(domain="shop.bakery.nl")))
        assert names.asked[record["name"], "TXT"] == 2

    assert in_short(before) == ["no-recipient"]
    [target] = [event for event in afterwards if isinstance(event, TargetAttributed)]
    assert set(await mailed(settings, target)) == {"desk@bakery.nl"}


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
