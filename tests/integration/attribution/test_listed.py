"""What the verifier's list names is handed over to its team, and told the same each time, on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import Asset, HandOver, ListedOperator, TargetAttributed
from libs.common.vocabulary import RecipientKind
from services.attribution.settings import AttributionSettings
from tests.integration.attribution.test_enquiries import Running, Script, running_with, settings
from tests.unit.attribution.builders import a_threat

__all__ = ["settings"]

TEAMS = """
[team.national]
name = "National CSIRT"
email = "reports@csirt.example"
[team_of_country]
NL = "national"
"""


@pytest.fixture
def patience() -> float:
    return 60.0


@pytest.fixture
async def running(
    settings: AttributionSettings, operator_key: Ed25519PrivateKey, tmp_path: Path
) -> AsyncIterator[Running]:
    file = tmp_path / "ladder.toml"
    file.write_text(TEAMS)
    with_team = settings.model_copy(update={"ladder_file": file})
    async with running_with(with_team, Script(), operator_key) as running:
        yield running


async def test_a_listed_asset_goes_to_its_team_and_waits_for_nobody(running: Running) -> None:
    owner = await running.desk.add_organisation("Bakery", email="security@bakery.example")
    await running.desk.ask(
        "POST", f"/v1/organisations/{owner}/assets", {"kind": "domain", "value": "bakery.example"}, status=201
    )
    threat = a_threat(Asset(domain="www.bakery.example"))
    listed = msgspec.structs.replace(threat, listed=ListedOperator(name="Water Works"))

    events = await running.attribute(listed)

    (target,) = events
    assert isinstance(target, TargetAttributed)
    assert (target.recipient.kind, target.recipient.email) == (RecipientKind.NATIONAL_CERT, "reports@csirt.example")
    assert target.handed_over == HandOver(reason="vital-organisation", organisation="Water Works")
    assert await running.attribute(listed) == events, "also when it comes again, from what was stored"
    assert running.outside.asked == []
