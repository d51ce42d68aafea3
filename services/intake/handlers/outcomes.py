"""News of where records ended."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog

from libs.common.contracts import Event, IndicatorSettled
from libs.common.db import Transaction
from libs.common.errors import Transient
from libs.common.metrics import OUTCOME_CONFLICTS, RECORDS_SETTLED
from services.intake.domain.outcomes import Conflict, Settlement, count_changes, settle
from services.intake.store import records
from services.intake.store.webhooks import events

log = structlog.get_logger(__name__)


async def settle_records(news: Sequence[IndicatorSettled], *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """Write outcomes. Repeated news changes nothing, nor does a second, different, final outcome, which is noted."""
    standings = await records.standings(tx, [(item.submission_id, item.record) for item in news])

    settlement = settle(news, standings)

    await _record(tx, settlement, now=now)
    _report(settlement)
    return ()


async def _record(tx: Transaction, settlement: Settlement, *, now: datetime) -> None:
    if settlement.changes:
        changed = await records.change_outcomes(tx, settlement.changes)
        if len(changed) < len(settlement.changes):
            # Another replica had the same partition a moment ago and wrote between our reading and our writing.
            raise Transient("records were settled by another replica at the same time")
        growth = count_changes(changed)
        await records.grow_counts(tx, growth)
        await events.announce(tx, [submission_id for submission_id, _ in growth], now=now)
    if settlement.conflicts:
        OUTCOME_CONFLICTS.inc(await records.add_conflicts(tx, settlement.conflicts))


def _report(settlement: Settlement) -> None:
    new = (each.news.outcome for each in settlement.changes.values() if each.news.outcome != each.previous.outcome)
    for outcome, count in Counter(new).items():
        RECORDS_SETTLED.labels(outcome.value).inc(count)
    for conflict in settlement.conflicts:
        _report_conflict(conflict)
    if settlement.unknown:
        log.warning("outcomes of records that we never had", records=settlement.unknown)


def _report_conflict(conflict: Conflict) -> None:
    news = conflict.news
    log.error(
        "a second final outcome was refused",
        submission=str(news.submission_id),
        record=news.record,
        kept=conflict.kept,
        refused=news.outcome.value,
        by=news.by,
    )
