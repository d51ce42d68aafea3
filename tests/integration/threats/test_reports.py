"""When feeds last reported, and how often their partners were wrong, on a real database."""

import asyncio
from uuid import UUID

from alembic import command
from alembic.config import Config

from libs.common.contracts import Asset
from libs.common.db import Database
from libs.common.migrations import migrate
from libs.common.revisions import migrations_of
from libs.common.vocabulary import FeedbackKind, Reliability
from services.verifier import store
from services.verifier.domain import CheckResult, ThreatState, TrackRecord
from services.verifier.domain.review import Decision
from services.verifier.handlers import load_rules
from tests.integration.test_verifier import review, rules_in_force
from tests.integration.threats.lives import (
    BUTCHER,
    DAY,
    Life,
    compact,
    seen,
)
from tests.unit.verifier.builders import NOW, RULES


async def test_reports_of_a_batch_that_comes_again_count_once_and_are_kept_as_one_row_for_each_feed(life: Life) -> None:
    batch = [seen(1, 0), seen(2, 1), seen(3, 0, partner="other"), seen(4, 0, identifier="nobody-knows")]
    await life.hear(*batch)
    await life.hear(*batch)
    await life.hear(seen(5, 3), seen(6, 2, BUTCHER))
    await life.answer(FeedbackKind.FALSE_POSITIVE, 4, BUTCHER)
    await life.answer(FeedbackKind.FALSE_POSITIVE, 4, BUTCHER)
    before = len(await life.reports())

    await asyncio.gather(*(compact(life.database) for _ in range(3)))

    assert before == 5
    assert await life.reports() == [
        ("demo", "open-smb", NOW + 3 * DAY, 2, 1),
        ("other", "open-smb", NOW, 1, 0),
    ]


async def test_what_was_judged_before_reports_were_kept_counts_too(database_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_of("verifier")))
    config.attributes["url"] = database_url
    await asyncio.to_thread(command.upgrade, config, "0003")
    old = Database(database_url, pool_size=1, statement_timeout_seconds=10)
    async with old.transaction() as tx:
        for number, (partner, threat, verdict, day, is_test) in enumerate(JUDGED_BEFORE):
            await tx.fetch(OLD_VERDICT, UUID(int=number), UUID(int=threat), partner, verdict, NOW + day * DAY, is_test)
        await tx.fetch(OLD_THREAT, NOW)

    await asyncio.to_thread(migrate, "verifier", database_url)

    await compact(old)
    async with old.transaction() as tx:
        reports = sorted(map(tuple, await tx.fetch("SELECT * FROM reports")))
        closed = await store.threat(tx, UUID(int=1))
    await old.close()
    assert reports == [("demo", "x", NOW + 5 * DAY, 2, 1), ("other", "x", NOW + 3 * DAY, 1, 1)]
    assert closed is not None
    assert (closed.state, closed.reopenings, closed.first_warned_at) == (ThreatState.CLOSED, 0, None)


JUDGED_BEFORE = [
    ("demo", 1, "verified", 0, False),
    ("demo", 1, "verified", 1, False),
    ("demo", 2, "verified", 2, False),
    ("demo", 3, "rejected", 5, False),
    ("other", 1, "verified", 3, False),
    ("other", 2, "verified", 9, True),
    ("third", 2, "held", 9, False),
]
OLD_VERDICT = """
INSERT INTO verdicts (indicator_id, threat_id, identifier, partner, verdict, reason, message, grade, severity,
                      confidence, reasons, indicator, first_seen_at, rules_version, judged_at, is_test)
VALUES ($1, $2, 'x', $3, $4, '', '', 'B2', 'high', 1, '[]', '{}', $5, '', $5, $6)
"""
OLD_THREAT = """
INSERT INTO threats (threat_id, asset, identifier, incident, first_seen_at, last_seen_at, sightings, partners,
                     announced_at, closed_at, closed_reason)
VALUES ('00000000-0000-0000-0000-000000000001', 'a', 'x', 'open-smb', $1, $1, 3, '{demo,other}', $1, $1,
        'false-positive')
"""


async def test_what_is_added_while_reports_are_made_fewer_is_neither_lost_nor_counted_twice(life: Life) -> None:
    await life.hear(seen(1, 0))
    await life.hear(seen(2, 1, BUTCHER))
    async with life.database.transaction() as batch:
        await batch.fetch("INSERT INTO reports VALUES ('demo', 'open-smb', $1, 1, 0)", NOW + 2 * DAY)
        await compact(life.database)
    assert len(await life.reports()) == 2

    await compact(life.database)

    assert await life.reports() == [("demo", "open-smb", NOW + 2 * DAY, 3, 0)]


async def test_a_partner_whose_threats_recipients_call_wrong_is_believed_less_from_then_on(life: Life) -> None:
    assets = [Asset(ip=f"145.10.21.{number}", port=445) for number in range(1, 51)]
    await life.hear(*(seen(number, 0, asset) for number, asset in enumerate(assets, start=1)))
    await life.answer(FeedbackKind.FALSE_POSITIVE, 1, *assets[:5])
    await life.answer(FeedbackKind.FALSE_POSITIVE, 2, *assets[:5])

    async with life.database.transaction() as tx:
        rules = await load_rules(tx, RULES, known=life.rules.current, now=NOW)
        stored = await store.track_records(tx)
    assert stored == rules.track_records == {"demo": TrackRecord(50, 5)}

    await Life(life.database, await rules_in_force(life.database)).hear(seen(60, 3))
    async with life.database.transaction() as tx:
        verdict = await store.verdict_of(tx, UUID(int=60))
    assert verdict is not None
    (reason,) = [each for each in verdict.reasons if each.check == "track-record"]
    assert (reason.result, reason.weight, verdict.confidence) == (CheckResult.WARN, 0.1, 0.81)


async def test_a_record_that_a_person_verifies_counts_for_its_partner(life: Life) -> None:
    held = seen(1, 0, confidence=0, reliability=Reliability.E)
    await life.hear(held)
    await compact(life.database)
    assert await life.reports() == []

    await review(life.database, life.rules, held, Decision.VERIFY)

    assert await life.reports() == [("demo", "open-smb", NOW, 1, 0)]
