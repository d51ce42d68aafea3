"""A route says who hears of it, and what was decided is told the same each time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, TargetAttributed
from libs.common.migrations import migrate
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import RecipientKind
from services.attribution.app import build
from services.attribution.settings import AttributionSettings
from tests.chaos import ledger
from tests.integration.test_attribution import Desk, token, until_read
from tests.unit.attribution.builders import a_threat as threat

LADDER = """
[team.health]
name = "Z-CERT"
email = "in@health-team.example"
language = "nl"

[[handover]]
criticality = "important"
action = "both"
team = "health"

[[handover]]
criticality = "essential"
action = "hand-over"
team = "health"
"""


@pytest.fixture
async def desk(
    database_url: str, operator_key: Ed25519PrivateKey, operator_public_key: str, tmp_path: Path
) -> AsyncIterator[Desk]:
    await asyncio.to_thread(migrate, "attribution", database_url)
    file = tmp_path / "ladder.toml"
    file.write_text(LADDER)
    settings = AttributionSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        operator_public_key=operator_public_key,
        ladder_file=file,
    )
    service, shutdown = build(settings), Shutdown()
    running = asyncio.gather(*(task(shutdown) for task in service.tasks))
    await until_read(service)
    headers = {"Authorization": f"Bearer {token(operator_key)}"}
    transport = httpx.ASGITransport(service.api)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
            yield Desk(service, client)
    finally:
        shutdown.request()
        await running
        await service.database.close()


async def register(desk: Desk, name: str, criticality: str) -> None:
    body = {"name": name, "country": "NL", "criticality": criticality, "criticality_source": "registered"}
    added = await desk.ask("POST", "/v1/organisations", body, status=201)
    path = f"/v1/organisations/{added['organisation_id']}"
    await desk.ask("POST", f"{path}/contacts", {"email": f"security@{name}.example"}, status=201)
    await desk.ask("POST", f"{path}/assets", {"kind": "domain", "value": f"{name}.example"}, status=201)


async def test_who_hears_of_it_is_kept_and_told_the_same_each_time(desk: Desk, database_url: str) -> None:
    await register(desk, "clinic", "important")
    await register(desk, "hospital", "essential")
    clinic, hospital = threat(Asset(domain="www.clinic.example")), threat(Asset(domain="www.hospital.example"))

    first = await desk.attribute(clinic, hospital)
    again = await desk.attribute(clinic, hospital)

    assert first == again, "made from what is kept"
    warned, handed_over = first
    assert isinstance(warned, TargetAttributed)
    assert isinstance(handed_over, TargetAttributed)
    assert (warned.recipient.email, warned.handed_over) == ("security@clinic.example", None)
    [copy] = warned.copies
    assert (copy.recipient.kind, copy.recipient.email) == (RecipientKind.NATIONAL_CERT, "in@health-team.example")
    assert (copy.handed_over.reason, copy.handed_over.organisation) == ("also-warned", "clinic")
    assert handed_over.copies == ()
    assert handed_over.handed_over is not None
    assert (handed_over.handed_over.reason, handed_over.handed_over.organisation) == ("vital-organisation", "hospital")
    shown = await desk.ask("GET", "/v1/lookup?domain=www.clinic.example")
    assert any("A copy would go to Z-CERT at in@health-team.example" in sentence for sentence in shown["explanation"])

    books = ledger.Books()
    connection = await asyncpg.connect(database_url)
    try:
        await ledger._read_attribution(connection, books)
    finally:
        await connection.close()
    assert books.copies_wanted == {(clinic.indicator_id, "in@health-team.example")}
