"""Who was named in place of a recipient that could not be reached."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Evidence, Recipient
from libs.common.db import Transaction
from services.attribution.domain.ladder import Attributed, Route
from services.attribution.domain.next_contact import Exhausted

Question = tuple[UUID, int]
"""A target whose recipient could not be reached, and how often a person had asked about it."""

_COLUMNS = ("target_id", "asked_again", "route", "recipient", "concerns", "confidence", "evidence", "decided_at")

_EVIDENCE = msgspec.json.Decoder(tuple[Evidence, ...])
_RECIPIENT = msgspec.json.Decoder(Recipient)
_encode = msgspec.json.Encoder().encode


class Continuation(msgspec.Struct, frozen=True):
    """The first answer stands, whatever is known today."""

    decided_at: datetime
    decision: Attributed | Exhausted


async def answers_to(tx: Transaction, questions: Sequence[Question]) -> dict[Question, Continuation]:
    """Those that were answered before."""
    rows = await tx.fetch(
        """SELECT target_id, asked_again, route, recipient, concerns, confidence, evidence, decided_at FROM continuation
           JOIN unnest($1::uuid[], $2::int[]) AS asked (target_id, asked_again) USING (target_id, asked_again)""",
        [target_id for target_id, _ in questions],
        [asked_again for _, asked_again in questions],
    )
    found: dict[Question, Continuation] = {}
    for row in rows:
        evidence = _EVIDENCE.decode(row["evidence"])
        decision: Attributed | Exhausted = Exhausted(evidence)
        if row["recipient"] is not None:
            recipient = _RECIPIENT.decode(row["recipient"])
            route, confidence = Route(row["route"]), row["confidence"]
            decision = Attributed(route, recipient, confidence, evidence, concerns=row["concerns"])
        found[row["target_id"], row["asked_again"]] = Continuation(row["decided_at"], decision)
    return found


async def record(tx: Transaction, decided: Mapping[Question, Attributed | Exhausted], *, now: datetime) -> None:
    """Keep answers to questions that have none; `Transient` if another replica has kept one a moment earlier."""
    if decided:
        rows = (_row(question, decision, now) for question, decision in decided.items())
        await tx.copy("continuation", columns=_COLUMNS, rows=rows)


def _row(question: Question, decision: Attributed | Exhausted, now: datetime) -> tuple[object, ...]:
    evidence = _encode(decision.evidence).decode()
    if isinstance(decision, Exhausted):
        return *question, Route.NONE, None, "", 0.0, evidence, now
    recipient = _encode(decision.recipient).decode()
    return *question, decision.route, recipient, decision.concerns, decision.confidence, evidence, now
