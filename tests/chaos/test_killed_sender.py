"""No mail twice beyond the doubt that is promised, wherever its sender dies. 5,000: `tests.chaos.killed_sender`."""

import os
from collections import Counter
from dataclasses import replace

import pytest

from deploy.local.background import BackgroundStack
from libs.common.faults import chances_of
from tests.chaos.copies import CONNECTIONS, Copy, Kept, Life, copies_in, wrong_with
from tests.chaos.deaths import NAMED_DEATHS, WITH_AN_ANSWER, deaths_of
from tests.chaos.killed_sender import KILLED, run
from tests.integration.postfix.server import is_possible

MAILS = int(os.environ.get("TOCSIN_KILLED_MAILS", "300"))
DEATHS = int(os.environ.get("TOCSIN_KILLED_DEATHS", "5"))
SEED = int(os.environ.get("TOCSIN_KILLED_SEED", "1"))

ONCE, AGAIN = Copy("<1@tocsin.example>", is_marked=False), Copy("<1@tocsin.example>", is_marked=True)
SENT = Kept("TOC-1", "sent", doubts=0, tries=1, reason="")
RESENT = replace(SENT, doubts=1, tries=2)
LIFE = Life("kill -9", tried=5, lost=1)


@pytest.mark.skipif(not is_possible(), reason="Postfix is not installed, or we are not root")
async def test_a_sender_that_dies_again_and_again_mails_nobody_twice_beyond_doubt(
    infrastructure: BackgroundStack,
) -> None:
    endpoints = infrastructure.endpoints
    verdict = await run(
        mails=MAILS, deaths=DEATHS, seed=SEED, postgres=endpoints.postgres, bootstrap=endpoints.kafka, partitions=3
    )

    assert not verdict.wrong, f"\n{verdict}"
    assert sum(life.tried > 0 for life in verdict.lives) >= 2, f"hardly a death hit a sender at work\n{verdict}"
    at_named_points = sum(life.died_by != KILLED for life in verdict.lives)
    assert at_named_points >= len(verdict.lives) / 2, f"hardly a death happened where it was to happen\n{verdict}"


@pytest.mark.parametrize(
    ("kept", "copies", "lives"),
    [
        pytest.param(SENT, [ONCE], [LIFE], id="once"),
        pytest.param(RESENT, [ONCE, AGAIN], [LIFE], id="in-doubt-and-twice"),
        pytest.param(RESENT, [AGAIN], [LIFE], id="in-doubt-and-once"),
        pytest.param(replace(RESENT, state="failed", reason="in-doubt"), [], [LIFE, LIFE], id="lost-twice"),
    ],
)
def test_what_is_promised_is_not_wrong(kept: Kept, copies: list[Copy], lives: list[Life]) -> None:
    assert not wrong_with([kept], {"TOC-1": copies}, lives, mails=1)


@pytest.mark.parametrize(
    ("kept", "copies", "lives", "says"),
    [
        pytest.param(SENT, [ONCE, ONCE], [LIFE], "arrived 2 times with 0 doubts", id="twice-without-doubt"),
        pytest.param(RESENT, [ONCE, ONCE], [LIFE], "0 of them marked", id="not-marked"),
        pytest.param(RESENT, [ONCE, AGAIN, AGAIN], [LIFE, LIFE], "arrived 3 times", id="three"),
        pytest.param(SENT, [], [LIFE], "did not arrive", id="sent-and-gone"),
        pytest.param(replace(SENT, state="failed"), [], [LIFE], "failed", id="failed-without-doubt"),
        pytest.param(replace(SENT, state="sending"), [ONCE], [LIFE], "come to an end", id="no-end"),
        pytest.param(SENT, [ONCE], [replace(LIFE, lost=CONNECTIONS + 1)], "more than 32", id="beyond-the-bound"),
        pytest.param(RESENT, [ONCE, AGAIN], [replace(LIFE, lost=0)], "1 doubts", id="doubt-from-nowhere"),
        pytest.param(RESENT, [ONCE, Copy("<2@x>", is_marked=True)], [LIFE], "several Message-IDs", id="other-id"),
    ],
)
def test_what_is_not_promised_is_told(kept: Kept, copies: list[Copy], lives: list[Life], says: str) -> None:
    assert any(says in each for each in wrong_with([kept], {"TOC-1": copies}, lives, mails=1))


def test_mails_that_are_missing_or_unknown_are_told() -> None:
    assert wrong_with([], {}, [LIFE], mails=1) == ["0 notifications for 1 recipients"]
    assert wrong_with([SENT], {"TOC-1": [ONCE], "TOC-2": [ONCE]}, [LIFE], mails=1) == [
        "mails that nobody has kept: ['TOC-2']"
    ]


def test_copies_are_found_by_their_reference() -> None:
    head = b"Subject: x\nX-Tocsin-Reference: TOC-1\nMessage-ID: <1@tocsin.example>\n"
    assert copies_in([head + b"\nbody", head.replace(b"\n", b"\r\n") + b"X-Tocsin-Resend: in-doubt\r\n\r\nbody"]) == {
        "TOC-1": [ONCE, AGAIN]
    }


@pytest.mark.parametrize("deaths", [5, 60])
def test_most_deaths_are_planned_at_named_points_each_in_its_turn(deaths: int) -> None:
    named = [death.fault for death in deaths_of(4711, mails=5000, deaths=deaths) if death.fault]
    assert len(named) >= deaths / 2
    assert named[0] == WITH_AN_ANSWER
    counts = Counter({fault.name: 0 for fault in NAMED_DEATHS}) | Counter(named)
    assert max(counts.values()) - min(counts[fault.name] for fault in NAMED_DEATHS) <= 1


def test_the_same_seed_plans_the_same_deaths_and_each_can_be_armed() -> None:
    planned = list(deaths_of(7, mails=300, deaths=40))
    assert planned == list(deaths_of(7, mails=300, deaths=40))
    for death in planned:
        assert set(chances_of(death.faults)) == ({death.fault} if death.fault else set())
