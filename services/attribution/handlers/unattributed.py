"""A person says whose an asset is."""

from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.outbox import enqueue
from services.attribution import store
from services.attribution.domain.ladder import Attributed, Ladder
from services.attribution.domain.unattributed import Refused, name_recipient
from services.attribution.handlers.organisations import Refusal
from services.attribution.handlers.threats import target_of

MISSING_TARGET = Refusal("not-found", "No such threat is waiting for a recipient.")


async def decide_unattributed(
    target_id: UUID, organisation_id: UUID, *, decided_by: str, tx: Transaction, now: datetime, ladder: Ladder
) -> Attributed | Refusal:
    """Name the organisation that a threat hits; the next threat to the same name, or to the same address where there
    is no name, finds it by itself.

    The record was settled as `unattributable` before. The `TargetAttributed` that leaves now carries the same
    indicator, and intake takes the `notified` that follows it as a person's decision. Said twice, it leaves once.
    """
    waiting = await store.attributions.unattributed(tx, target_id)
    organisation = (await store.directory.organisations(tx, [organisation_id])).get(organisation_id)
    if waiting is None or organisation is None:
        return MISSING_TARGET

    decision = name_recipient(waiting, organisation, decided_by=decided_by, at=now, ladder=ladder)

    if isinstance(decision, Refused):
        return Refusal(decision.code, decision.message)
    if waiting.organisation_id is None:
        threat = waiting.threat
        await store.attributions.settle_unattributed(
            tx, waiting, organisation_id=organisation_id, decided_by=decided_by, now=now
        )
        await store.attributions.replace_decision(tx, threat.indicator_id, decision, now=now)
        await enqueue(tx, [target_of(threat, decision)])
    return decision
