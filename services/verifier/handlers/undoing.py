"""A person takes back what was decided: one decision, or all that were made in one go."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import IndicatorSettled
from libs.common.db import Transaction
from libs.common.outbox import enqueue
from libs.common.problems import Problem, not_found
from libs.common.vocabulary import REVIEW_UNDONE, Outcome
from services.verifier import store
from services.verifier.domain import Catalogue, Judgement, Rules, Verdict
from services.verifier.domain.review import Decision, PastDecision
from services.verifier.domain.values import CheckResult, Reason
from services.verifier.handlers.withdrawing import withdraw


class Undoing(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes it back, why, and whether those who were told of a threat hear of it."""

    by: str
    note: str
    corrects: bool


async def undo_review(tx: Transaction, indicator_id: UUID, said: Undoing, *, rules: Rules, now: datetime) -> Judgement:
    """Take back what was decided, with what was remembered. After a "no" the record waits again, as it waited before.

    After a "yes" its threat is withdrawn: what was not mailed yet is not; with `corrects`, who was told hears of it.
    Raises a problem where nothing was decided, where it is taken back already, or where it can't be.
    """
    last = await _last_decision(tx, indicator_id)
    undone = await _undo(tx, [last], said, rules=rules, now=now)
    if not undone:
        raise Problem(409, "has-gone-on", "This can't be taken back", "It was a sighting of a threat that was known.")
    return undone[0]


async def undo_all_decided_with(
    tx: Transaction, indicator_id: UUID, said: Undoing, *, rules: Rules, now: datetime
) -> tuple[int, int]:
    """The same for all that were decided in the same go: how many are taken back, and how many can't be."""
    last = await _last_decision(tx, indicator_id)
    together = await store.decided_together(tx, last)
    undone = await _undo(tx, together, said, rules=rules, now=now)
    return len(undone), len(together) - len(undone)


async def _last_decision(tx: Transaction, indicator_id: UUID) -> PastDecision:
    last = await store.last_decision(tx, indicator_id)
    if last is None and await store.verdict_of(tx, indicator_id) is None:
        raise not_found("indicator")
    if last is None or last.undone_at is not None:
        raise Problem(409, "nothing-to-undo", "Nothing can be taken back", "No decision of a person stands here.")
    return last


async def _undo(
    tx: Transaction, decisions: Sequence[PastDecision], said: Undoing, *, rules: Rules, now: datetime
) -> list[Judgement]:
    """Those that can be: all were decided in the same way."""
    verdicts = await store.stored_verdicts(tx, [decision.indicator_id for decision in decisions])
    is_yes = decisions[0].decision is Decision.VERIFY
    able = [each for each in decisions if not is_yes or verdicts[each.indicator_id].outcome is None]
    if not able:
        return []
    await store.mark_undone(tx, able, by=said.by, note=said.note, now=now)
    if is_yes:
        return await _withdraw_verified(tx, able, verdicts, said, now=now)
    return await _hold_again(tx, able, verdicts, catalogue=rules.catalogue, now=now)


async def _hold_again(
    tx: Transaction,
    decisions: Sequence[PastDecision],
    verdicts: Mapping[UUID, Judgement],
    *,
    catalogue: Catalogue,
    now: datetime,
) -> list[Judgement]:
    held = [_as_before(verdicts[each.indicator_id], each, catalogue) for each in decisions]
    await store.hold_again(tx, held)
    remembered = {each.indicator_id for each in decisions if each.remembered_until is not None}
    events = [each.indicator for each in held if each.indicator.indicator_id in remembered]
    await store.forget_at_assets(tx, [(event.key, event.indicator.identifier) for event in events])
    await enqueue(tx, [_waits_again(each, now=now) for each in held])
    return held


def _as_before(verdict: Judgement, decision: PastDecision, catalogue: Catalogue) -> Judgement:
    before = decision.before
    incident = catalogue.at_the_end_of(before.incident) if before.incident else None
    return msgspec.structs.replace(
        verdict,
        verdict=Verdict.HELD,
        outcome=Outcome.HELD,
        **{**msgspec.structs.asdict(before), "incident": incident},
        decided_by=None,
        note=None,
    )


def _waits_again(held: Judgement, *, now: datetime) -> IndicatorSettled:
    event = held.indicator
    return IndicatorSettled(
        indicator_id=event.indicator_id,
        submission_id=event.submission_id,
        record=event.record,
        outcome=Outcome.HELD,
        reason=REVIEW_UNDONE,
        message="A decision was taken back; a person looks at it again.",
        at=now,
        by="verifier",
        traceparent=event.traceparent,
    )


async def _withdraw_verified(
    tx: Transaction,
    decisions: Sequence[PastDecision],
    verdicts: Mapping[UUID, Judgement],
    said: Undoing,
    *,
    now: datetime,
) -> list[Judgement]:
    """The records keep their outcomes, which others have said or will say: they went on."""
    taken_back = Reason(REVIEW_UNDONE, CheckResult.FAIL, 1.0, f"{said.by} has taken it back")
    explained = [
        msgspec.structs.replace(
            verdict, message="Verified by a person, and taken back.", reasons=(*verdict.reasons, taken_back)
        )
        for verdict in (verdicts[each.indicator_id] for each in decisions)
    ]
    await store.explain(tx, explained)
    threats = await store.threats_with_ids(tx, {each.threat_id for each in explained})
    await withdraw(
        tx,
        threats,
        withdrawal_id=decisions[0].decision_id,
        reason=REVIEW_UNDONE,
        corrects=said.corrects,
        by=said.by,
        now=now,
    )
    return explained
