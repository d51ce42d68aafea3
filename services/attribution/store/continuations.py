"""Who was named in place of a recipient that could not be reached."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import Evidence, Recipient
from libs.common.db import Transaction
from services.attribution.domain.ladder import Attributed, Route
from services.attribution.domain.next_contact import Exhausted

_COLUMNS = ("target_id", "route", "recipient", "concerns", "confidence", "evidence", "decided_at")

_EVIDENCE = msgspec.json.Decoder(tuple[Evidence, ...])
_RECIPIENT = msgspec.json.Decoder(Recipient)
_encode = msgspec.json.Encoder().encode


class Continuation(msgspec.Struct, frozen=True):
    """The first answer stands, whatever is known today."""

    decided_at: datetime
    decision: Attributed | Exhausted


async def of_targets(tx: Transaction, target_ids: Sequence[UUID]) -> dict[UUID, Continuation]:
    """By the target whose recipient could not be reached."""
    rows = await tx.fetch(
        """SELECT target_id, route, recipient, concerns, confidence, evidence, decided_at FROM continuation
           WHERE target_id = ANY($1::uuid[])""",
        target_ids,
    )
    found: dict[UUID, Continuation] = {}
    for row in rows:
        evidence = _EVIDENCE.decode(row["evidence"])
        decision: Attributed | Exhausted = Exhausted(evidence)
        if row["recipient"] is not None:
            recipient = _RECIPIENT.decode(row["recipient"])
            route, confidence = Route(row["route"]), row["confidence"]
            decision = Attributed(route, recipient, confidence, evidence, concerns=row["concerns"])
        found[row["target_id"]] = Continuation(row["decided_at"], decision)
    return found


async def record(tx: Transaction, decided: Mapping[UUID, Attributed | Exhausted], *, now: datetime) -> None:
    """Keep answers to targets that have none; `Transient` if another replica has kept one a moment earlier."""
    if decided:
        rows = (_row(target_id, decision, now) for target_id, decision in decided.items())
        await tx.copy("continuation", columns=_COLUMNS, rows=rows)


def _row(target_id: UUID, decision: Attributed | Exhausted, now: datetime) -> tuple[object, ...]:
    evidence = _encode(decision.evidence).decode()
    if isinstance(decision, Exhausted):
        return target_id, Route.NONE, None, "", 0.0, evidence, now
    recipient = _encode(decision.recipient).decode()
    return target_id, decision.route, recipient, decision.concerns, decision.confidence, evidence, now
