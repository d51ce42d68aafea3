"""Each fault of the registry strikes a running system for real, and what must not change does not."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from libs.common.faults import AT_PARTNERS, AT_THE_RELAY, FAULTS, Chance, written
from tests.chaos.arena import arena, clear_away
from tests.integration.faults.drill import PARTNERS, RELAY, SETTINGS, Evidence, Ground
from tests.integration.faults.invariants import INVARIANTS
from tests.integration.faults.outside import Outside, takes_mail_for_all

ONCE = Chance(1.0, most=1)
NOW_AND_THEN = Chance(0.05, most=2)
"""For points that are passed all the time: the first passes are those of a start, which is not what is to be struck."""

OTHER_END = {
    RELAY: dict.fromkeys(AT_THE_RELAY, ONCE),
    PARTNERS: dict.fromkeys(AT_PARTNERS, ONCE),
}
DEATHS = {
    "intake": dict.fromkeys(
        (
            "crash-payload-drafted",
            "crash-payload-kept",
            "crash-submission-stored",
            "crash-slice-stored",
            "crash-slice-published",
            "crash-submission-finished",
            "crash-webhook-told",
        ),
        ONCE,
    ),
    "verifier": dict.fromkeys(("crash-before-commit", "crash-after-commit", "crash-within-publish"), ONCE),
    "attribution": dict.fromkeys(
        (
            "crash-before-publish",
            "crash-after-publish",
            "crash-before-offsets",
            "crash-questions-taken",
            "crash-before-question",
            "crash-within-question",
            "crash-after-question",
            "crash-source-answer-written",
            "crash-source-answer-committed",
            "crash-waiting-decided",
            "crash-waiting-committed",
        ),
        ONCE,
    ),
    "notifier": dict.fromkeys(
        (
            "crash-groups-made",
            "crash-groups-committed",
            "crash-claim-made",
            "crash-claim-committed",
            "crash-before-data",
            "crash-within-data",
            "crash-after-data",
            "crash-answers-written",
            "crash-answers-committed",
            "crash-outbox-taken",
            "crash-outbox-published",
            "crash-outbox-deleted",
            "crash-outbox-committed",
        ),
        ONCE,
    ),
    "feedback": {"crash-after-offsets": ONCE},
}
BREAKS = {
    "intake": {"slow-disk": ONCE, "disk-full": ONCE, "broker-refuses": ONCE},
    "verifier": {"slow-transaction": ONCE, "commit-refused": ONCE, "clock-ahead": ONCE, "database-cut": NOW_AND_THEN},
    "attribution": {
        "slow-publish": ONCE,
        "slow-confirmation": ONCE,
        "confirmation-lost": ONCE,
        "clock-behind": ONCE,
        "slow-question": ONCE,
        "database-half-closed": NOW_AND_THEN,
    },
    "notifier": {
        "slow-claim": ONCE,
        "slow-sending": ONCE,
        "smtp-cut": ONCE,
        "smtp-half-closed": ONCE,
        "smtp-silent": ONCE,
        "clock-slips": ONCE,
        "slow-database": NOW_AND_THEN,
    },
    "feedback": {"slow-offsets": ONCE, "database-refuses": NOW_AND_THEN, "database-silent": Chance(0.05, most=1)},
}
DRILLS = {"other end": OTHER_END, "deaths": DEATHS, "breaks": BREAKS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drills(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Evidence]]:
    """All drills, one after the other."""
    home = tmp_path_factory.mktemp("faults")
    relay = written(OTHER_END[RELAY])
    began_at = datetime.now(UTC)
    async with takes_mail_for_all().running() as server:
        outside = Outside(server, folder=home)
        settings = {**SETTINGS, **outside.settings}
        async with arena(home, relay_faults=relay, ruthless=False, settings=settings) as beaten:
            ground = Ground(beaten, outside, began_at=began_at)
            yield {name: await ground.hold(_written(drill)) for name, drill in DRILLS.items()}
    clear_away(home)


def _written(drill: Mapping[str, Mapping[str, Chance]]) -> dict[str, str]:
    return {part: written(chances) for part, chances in drill.items()}


def armed_in(drill: Mapping[str, Mapping[str, Chance]]) -> Iterator[str]:
    yield from (name for chances in drill.values() for name in chances)


def test_every_fault_has_an_invariant_and_is_drilled() -> None:
    drilled = [name for drill in DRILLS.values() for name in armed_in(drill)]
    assert set(INVARIANTS) == set(FAULTS)
    assert sorted(drilled) == sorted(FAULTS)


@pytest.mark.parametrize(
    ("drill", "fault"),
    [(name, fault) for name, drill in DRILLS.items() for fault in armed_in(drill)],
    ids=lambda value: value if value in FAULTS else "",
)
def test_what_must_not_change_does_not(drills: Mapping[str, Evidence], drill: str, fault: str) -> None:
    evidence, invariant = drills[drill], INVARIANTS[fault]

    assert fault not in evidence.unstruck, f"{fault} did not strike, so nothing is proved"
    broken = [sentence for check in invariant.checks for sentence in check(evidence)]
    assert not broken, f"{invariant.sentence}: {'; '.join(broken)}"
    assert not evidence.wrong, f"{invariant.sentence}:\n" + "\n".join(evidence.wrong)
