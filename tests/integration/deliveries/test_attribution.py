"""Whatever comes twice or in another order: the same decisions, told under the same ids."""

from collections.abc import Iterator

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given

from libs.common.contracts import Asset, Event, IndicatorSettled, TargetAttributed
from tests.integration.deliveries.conftest import Start
from tests.integration.deliveries.rig import Ending, Rig
from tests.integration.deliveries.schedules import Batch, Batches, examples, in_any_order
from tests.integration.test_attribution import NOW, ORGANISATIONS, RIPE, Desk, token
from tests.unit.attribution.builders import a_threat as threat

DIRECTORY = (
    "abuse_desk",
    "delegation",
    "directory_version",
    "import_run",
    "learnt_asset",
    "network_range",
    "network_route",
    "network_system",
    "organisation",
    "organisation_asset",
    "organisation_contact",
    "snapshot",
    "source_column",
    "source_version",
)
THREATS: list[Event] = [
    threat(asset)
    for asset in (
        Asset(ip="192.0.2.5"),
        Asset(ip="192.0.2.5", port=445),
        Asset(domain="www.bakery.example"),
        Asset(ip="192.0.2.65"),
        Asset(ip="192.0.2.200"),
        Asset(ip="198.51.100.3"),
        Asset(domain="nobody.example"),
    )
]


@pytest.fixture(scope="module")
def rig(started: Start, operator_key: Ed25519PrivateKey) -> Iterator[Rig]:
    with started("attribution", Rig(now=NOW, kept_tables=DIRECTORY)) as rig:
        rig.run(bring_in(rig, operator_key))
        yield rig


async def bring_in(rig: Rig, operator_key: Ed25519PrivateKey) -> None:
    headers = {"Authorization": f"Bearer {token(operator_key)}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(rig.service.api), base_url="http://desk", headers=headers
    ) as client:
        desk = Desk(rig.service, client)
        await desk.bring_in("ripe", RIPE)
        await desk.bring_in("organisations", ORGANISATIONS)


@pytest.fixture(scope="module")
def in_order(rig: Rig) -> Ending:
    return rig.ending([Batch(THREATS)])


def test_in_order_some_find_a_recipient_and_some_do_not(in_order: Ending) -> None:
    assert (len(in_order.of(TargetAttributed)), len(in_order.of(IndicatorSettled))) == (4, 3)
    assert len(in_order.rows["attribution"]) == len(THREATS)


@examples(30)
@given(batches=in_any_order(THREATS))
def test_the_same_threats_in_any_order_and_number_are_attributed_alike(
    rig: Rig, in_order: Ending, batches: Batches
) -> None:
    assert rig.ending(batches) == in_order
