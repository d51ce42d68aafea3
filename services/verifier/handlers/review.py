"""A person decides what the rules left open."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.db import Transaction
from libs.common.outbox import enqueue
from libs.common.problems import Problem, not_found
from libs.common.vocabulary import IncidentState
from services.verifier import store
from services.verifier.domain import Judgement, Rules, Verdict, reports_of, settle_review
from services.verifier.handlers.verify import event_of

MOST_AT_ONCE = 5000


class Decision(StrEnum):
    """What a person says of a held indicator."""

    VERIFY = "verify"
    REJECT = "reject"


async def review_indicators(
    tx: Transaction,
    indicator_ids: Collection[UUID],
    *,
    decision: Decision,
    note: str,
    by: str,
    rules: Rules,
    now: datetime,
) -> list[Judgement]:
    """Decide held indicators. Their outcomes and threats leave through the outbox.

    Raises a problem for an indicator that waits for nobody, or that has no approved incident to be told about.
    """
    held = await store.held_verdicts(tx, indicator_ids)
    if len(held) != len(set(indicator_ids)):
        raise not_found("held indicator")
    verified = decision is Decision.VERIFY
    if verified:
        _require_approved_incidents(held, rules)
    history = await store.history_of(
        tx,
        threat_ids={judgement.threat_id for judgement in held},
        assets={judgement.indicator.key for judgement in held},
        now=now,
    )

    decided = settle_review(held, history, rules, verified=verified, by=by, now=now)

    await store.replace_verdicts(tx, decided, by=by, note=note)
    verified_now = [each for each in decided if each.verdict is Verdict.VERIFIED]
    await store.record_sightings(tx, verified_now, known=history.threats.keys())
    await store.add_reports(tx, reports_of(verified_now, history))
    await enqueue(tx, [event_of(judgement) for judgement in decided])
    return decided


async def review_matching(
    tx: Transaction,
    *,
    identifier: str | None,
    partner: str | None,
    reason: str | None,
    decision: Decision,
    note: str,
    by: str,
    rules: Rules,
    now: datetime,
) -> tuple[int, bool]:
    """Decide what matches, at most 5,000 at once: how many were decided, and whether more are waiting."""
    held = await store.held_page(tx, identifier=identifier, partner=partner, reason=reason, limit=MOST_AT_ONCE + 1)
    chosen = [judgement.indicator.indicator_id for judgement in held[:MOST_AT_ONCE]]
    decided = await review_indicators(tx, chosen, decision=decision, note=note, by=by, rules=rules, now=now)
    return len(decided), len(held) > MOST_AT_ONCE


def _require_approved_incidents(held: Collection[Judgement], rules: Rules) -> None:
    for judgement in held:
        incident = rules.catalogue.incident_of(judgement.indicator.indicator)
        if incident is None or incident.state is not IncidentState.APPROVED:
            raise Problem(
                409,
                "no-approved-incident",
                "Nobody could be told what to do",
                f"First approve an incident that covers {judgement.indicator.indicator.identifier}.",
            )
