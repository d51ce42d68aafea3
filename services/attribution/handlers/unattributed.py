"""A person says whose an asset is, whom to write, or that there is nobody."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.outbox import enqueue
from services.attribution import store
from services.attribution.domain.attributions import Attribution
from services.attribution.domain.encryptions import with_keys
from services.attribution.domain.ladder import Attributed, Decision, Ladder
from services.attribution.domain.learnt import LASTS, Lesson
from services.attribution.domain.unattributed import Refused, Unattributed, choose_candidate, name_recipient, nobody
from services.attribution.handlers.deciding import Decider
from services.attribution.handlers.organisations import Refusal
from services.attribution.handlers.threats import event_of

MISSING_TARGET = Refusal("not-found", "No such threat is waiting for a recipient.")


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says: an organisation, one of the candidates by its number, or (neither) that there is nobody.

    `until` ends what is learnt from it; without, that ends after a year.
    """

    organisation_id: UUID | None = None
    candidate: int | None = None
    until: datetime | None = None
    note: str = ""


async def decide_unattributed(
    target_id: UUID, word: Word, *, decided_by: str, tx: Transaction, now: datetime, decider: Decider
) -> Decision | Refusal:
    """Decide about a threat in the line; the next one to the same owned part of an asset is known by itself.

    The record was settled as `unattributable` or `held` before. What leaves now is about the same indicator, and intake
    takes what follows from it as a person's decision. The same word said twice leaves once.
    """
    waiting = await store.attributions.unattributed(tx, target_id)
    if waiting is None:
        return MISSING_TARGET
    decision = await _decided(waiting, word, decided_by=decided_by, tx=tx, now=now, ladder=decider.ladder)
    if isinstance(decision, Refusal):
        return decision
    if isinstance(decision, Attributed):
        known = await decider.directory.latest(tx)
        decision = msgspec.structs.replace(decision, recipient=with_keys(decision.recipient, known.encryptions))
    if waiting.is_decided:
        return await _said_before(waiting, decision, tx=tx)
    await store.attributions.settle_unattributed(
        tx, target_id, organisation_id=word.organisation_id, note=word.note, decided_by=decided_by, now=now
    )
    await store.attributions.replace_decision(tx, waiting.threat.indicator_id, decision, now=now)
    await store.learnt.learn(tx, _lesson(waiting, word, decision, said_by=decided_by, now=now))
    await enqueue(tx, [event_of(waiting.threat, Attribution(waiting.threat.indicator_id, now, decision))])
    return decision


async def forget(tx: Transaction, owned_part: str) -> bool:
    """Take back what was learnt of an asset; False where nothing was."""
    return await store.learnt.forget(tx, owned_part)


async def _decided(
    waiting: Unattributed, word: Word, *, decided_by: str, tx: Transaction, now: datetime, ladder: Ladder
) -> Decision | Refusal:
    if word.candidate is not None:
        decision = choose_candidate(waiting, word.candidate, decided_by=decided_by, at=now)
    elif word.organisation_id is not None:
        organisations = await store.directory.organisations(tx, [word.organisation_id])
        if word.organisation_id not in organisations:
            return Refusal("not-found", "There is no such organisation.")
        named = organisations[word.organisation_id]
        decision = name_recipient(waiting, named, decided_by=decided_by, at=now, ladder=ladder)
    else:
        return nobody(waiting, decided_by=decided_by, at=now)
    return Refusal(decision.code, decision.message) if isinstance(decision, Refused) else decision


async def _said_before(waiting: Unattributed, decision: Decision, *, tx: Transaction) -> Decision | Refusal:
    """Somebody was faster: that is fine if they said the same."""
    before = waiting.decision
    if isinstance(before, Attributed) and isinstance(decision, Attributed) and before.recipient == decision.recipient:
        return before
    if type(before) is type(decision) and not isinstance(decision, Attributed):
        return before
    who = await store.attributions.decided_already(tx, waiting.target_id)
    by, at = who if who is not None else ("somebody", waiting.waiting_since)
    return Refusal("already-decided", f"This was decided by {by} at {at.isoformat(timespec='seconds')}.")


def _lesson(waiting: Unattributed, word: Word, decision: Decision, *, said_by: str, now: datetime) -> Lesson:
    chosen = decision.recipient if word.candidate is not None and isinstance(decision, Attributed) else None
    return Lesson(
        owned_part=waiting.owned_part,
        organisation_id=chosen.organisation_id if chosen else word.organisation_id,
        recipient=chosen if chosen and chosen.organisation_id is None else None,
        said_by=said_by,
        said_at=now,
        until=word.until or now + LASTS,
        note=word.note,
    )
