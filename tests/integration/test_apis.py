"""Never a 500, and never an answer that the OpenAPI document does not have; harder: `python -m tests.fuzz.apis`."""

from collections.abc import Iterator

import pytest

from deploy.local.endpoints import Endpoints
from tests.fuzz.apis.attack import ATTACKERS, Attacker, Findings, Force, attack
from tests.fuzz.apis.ground import ground

STRANGER = Force(seed=1, examples=1, chains=0, seconds=8)
KNOWN = Force(seed=1, examples=4, chains=4, seconds=6, oddities=True)
"""An attack takes all the time that it has: these two minutes, for all attackers together."""


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    with ground(tmp_path_factory.mktemp("attacked") / "system") as endpoints:
        yield endpoints


@pytest.mark.parametrize("attacker", ATTACKERS, ids=lambda each: f"{each.name}-at-{each.service}")
def test_every_answer_is_as_documented_and_none_is_a_bug(attacker: Attacker, endpoints: Endpoints) -> None:
    findings = Findings()

    attack(endpoints, attacker, KNOWN if attacker.credential else STRANGER, findings)

    assert not findings.failures, findings.told()
    assert any(200 <= status < 300 for status in findings.statuses), f"nothing was let in: {findings.told()}"
