"""What silence makes of a threat on a real database: quiet, closed, and news again once it is seen."""

import msgspec
import pytest

from libs.common.contracts import Asset, RawIndicator
from libs.common.vocabulary import FeedbackKind
from services.verifier import store
from services.verifier.domain import NOT_SEEN_AGAIN, ThreatState
from services.verifier.handlers import (
    ThreatUpkeep,
    age_threats,
)
from services.verifier.handlers.life import BEFORE_ALL
from tests.conftest import Kafka
from tests.integration.test_verifier import in_short, somebody_waits
from tests.integration.threats.lives import BAKER, BUTCHER, DAY, Life, seen, serving, today, until
from tests.unit.verifier.builders import NOW, raw


async def test_a_threat_that_its_feed_stays_silent_about_is_quiet_then_closed_and_news_again_when_it_is_seen(
    life: Life,
) -> None:
    await life.hear(seen(1, 0))
    for day, state in ((30, ThreatState.OPEN), (31, ThreatState.QUIET), (91, ThreatState.CLOSED)):
        await life.hear(seen(day, day, BUTCHER))
        await life.walk(day)
        assert (await life.of()).state is state, day
    closed = await life.of()
    assert (closed.closed_reason, closed.closed_at, closed.reopenings) == (NOT_SEEN_AGAIN, NOW + 91 * DAY, 0)

    again, sighting = await life.hear(msgspec.structs.replace(seen(92, 90.5), received_at=NOW + 92 * DAY), seen(93, 92))

    assert in_short(again, sighting) == [("verified", ""), ("duplicate", "sighting")]
    reopened = await life.of()
    assert (reopened.state, reopened.reopenings, reopened.closed_reason) == (ThreatState.OPEN, 1, None)
    await life.walk(92)
    assert (await life.of()).state is ThreatState.OPEN


async def test_a_quiet_threat_that_is_seen_again_is_open(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 40, BUTCHER))
    await life.walk(40)
    assert (await life.of()).state is ThreatState.QUIET

    await life.hear(seen(3, 41))

    threat = await life.of()
    assert (threat.state, threat.reopenings) == (ThreatState.OPEN, 0)


@pytest.mark.parametrize(
    "silent",
    [
        seen(2, 40, BUTCHER, partner="other"),
        seen(2, 40, BUTCHER, identifier="open-telnet"),
        seen(2, 40, BUTCHER, test_mails_to="desk@demo.example"),
        None,
    ],
    ids=["another partner", "another finding", "a test", "nobody"],
)
async def test_a_threat_whose_own_feed_has_stopped_stays_open(life: Life, silent: RawIndicator | None) -> None:
    await life.hear(seen(1, 0))
    if silent is not None:
        await life.hear(silent)

    await life.walk(200)

    assert (await life.of()).state is ThreatState.OPEN


async def test_a_record_that_is_refuted_shows_that_its_feed_reports(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 40, Asset(ip="10.0.0.1")))
    await life.walk(40)
    assert (await life.of()).state is ThreatState.QUIET


async def test_one_recipient_who_says_that_it_is_fixed_knows_better_than_silence(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 100, BUTCHER))
    await life.walk(100)

    await life.answer(FeedbackKind.FIXED, 101, BAKER)
    await life.answer(FeedbackKind.FALSE_POSITIVE, 102, BAKER)

    threat = await life.of()
    assert (threat.closed_reason, threat.closed_at) == ("fixed", NOW + 101 * DAY)


async def test_what_a_person_has_closed_no_silence_changes(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.answer(FeedbackKind.FIXED, 1, BAKER)
    await life.hear(seen(2, 100, BUTCHER))

    await life.walk(100)

    threat = await life.of()
    assert (threat.closed_reason, threat.closed_at) == ("fixed", NOW + DAY)


async def test_what_was_seen_while_somebody_looked_stays_open_and_nobody_waits_for_anybody(life: Life) -> None:
    await life.hear(seen(1, 0), seen(2, 0, BUTCHER))
    stale = [await life.of(BAKER), await life.of(BUTCHER)]
    await life.hear(seen(3, 1, BAKER))

    async with life.database.transaction() as batch:
        await batch.fetch("SELECT * FROM threats WHERE asset = $1 FOR UPDATE", raw(asset=BUTCHER).key)
        async with life.database.transaction() as tx:
            assert await store.age_threats(tx, stale, state=ThreatState.CLOSED, now=NOW + 100 * DAY) == 0
        assert not await somebody_waits(life.database)

    assert [(await life.of(asset)).state for asset in (BAKER, BUTCHER)] == 2 * [ThreatState.OPEN]
    async with life.database.transaction() as tx:
        assert await store.age_threats(tx, stale, state=ThreatState.CLOSED, now=NOW + 100 * DAY) == 1


async def test_a_longer_patience_opens_again_what_is_quiet(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 40, BUTCHER))
    await life.walk(40)
    patient = msgspec.structs.replace(life.rules.current, quiet_after=60 * DAY)

    async with life.database.transaction() as tx:
        await age_threats(tx, patient, after=BEFORE_ALL, now=NOW + 40 * DAY)

    assert (await life.of()).state is ThreatState.OPEN


async def test_a_walk_goes_on_where_it_was(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.verifier.handlers.life.AT_ONCE", 2)
    await life.hear(*(seen(number, 0, Asset(ip=f"145.10.21.{number}")) for number in range(1, 6)))
    await life.hear(seen(9, 40, BUTCHER))
    upkeep, steps = ThreatUpkeep(life.database, life.rules, refresh_seconds=1), 1

    while not await upkeep.age():
        steps += 1

    assert steps == 4
    async with life.database.transaction() as tx:
        rows = await tx.fetch("SELECT asset FROM threats WHERE quiet_at IS NULL")
    assert len(rows) <= 6, "real time has passed: only what the feed has not been silent about is open"
    assert [row["asset"] for row in rows] == [raw(asset=BUTCHER).key]


async def test_all_of_it_is_done_by_the_service_itself(
    life: Life, kafka: Kafka, database_url: str, operator_public_key: str
) -> None:
    """Its tasks run: what is due becomes so without anybody asking."""
    begin = today() - 50
    await life.hear(seen(1, begin))
    await life.hear(seen(2, begin + 49, BUTCHER))

    async def is_done() -> bool:
        return (await life.of()).state is ThreatState.QUIET and len(await life.reports()) == 1

    async with serving(kafka, database_url, operator_public_key, overdue_refresh_seconds=0.05):
        await until(is_done)
