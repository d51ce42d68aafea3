"""What was decided of each indicator, and the threats that wait for a person."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import Evidence, Recipient, ThreatVerified
from libs.common.db import Transaction
from libs.common.vocabulary import Outcome
from services.attribution.domain.attributions import Attribution, target_id_of
from services.attribution.domain.ladder import Attributed, Candidate, Decision, Doubted, Route, Settled
from services.attribution.domain.unattributed import Unattributed

_EVIDENCE = msgspec.json.Decoder(tuple[Evidence, ...])
_RECIPIENT = msgspec.json.Decoder(Recipient)
_CANDIDATES = msgspec.json.Decoder(tuple[Candidate, ...])
_THREAT = msgspec.json.Decoder(ThreatVerified)
_encode = msgspec.json.Encoder().encode

BEGINNING = (datetime.fromisoformat("1970-01-01T00:00:00+00:00"), UUID(int=0))

_COLUMNS = (
    "indicator_id",
    "submission_id",
    "asset_key",
    "route",
    "outcome",
    "reason",
    "message",
    "recipient",
    "candidates",
    "confidence",
    "evidence",
    "decided_at",
    "concerns",
)


async def of_indicators(tx: Transaction, indicator_ids: Sequence[UUID]) -> dict[UUID, Attribution]:
    rows = await tx.fetch(
        """SELECT indicator_id, route, outcome, reason, message, recipient, candidates, confidence, evidence,
                  decided_at, concerns
           FROM attribution WHERE indicator_id = ANY($1::uuid[])""",
        indicator_ids,
    )
    return {row["indicator_id"]: _attribution(row) for row in rows}


async def record(
    tx: Transaction, decided: Sequence[tuple[ThreatVerified, Decision]], *, now: datetime
) -> dict[UUID, Attribution]:
    """Keep decisions on indicators that have none; `Transient` if another replica has kept one a moment earlier."""
    if decided:
        rows = (_row(threat, decision, now) for threat, decision in decided)
        await tx.copy("attribution", columns=_COLUMNS, rows=rows)
    return {threat.indicator_id: Attribution(threat.indicator_id, now, decision) for threat, decision in decided}


async def put_in_line(tx: Transaction, threats: Iterable[ThreatVerified], *, now: datetime) -> None:
    """Let threats wait for a person to name whom they hit. One that waits already keeps its place."""
    waiting = list(threats)
    if waiting:
        await tx.fetch(
            """INSERT INTO unattributed (target_id, indicator_id, asset_key, threat, waiting_since)
               SELECT *, $5::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
               ON CONFLICT DO NOTHING""",
            [target_id_of(threat.indicator_id) for threat in waiting],
            [threat.indicator_id for threat in waiting],
            [threat.key for threat in waiting],
            [_encode(threat).decode() for threat in waiting],
            now,
        )


_WAITING = """
    SELECT u.target_id, u.threat, u.waiting_since, u.decided_at IS NOT NULL AS is_decided,
           a.route, a.outcome, a.reason, a.message, a.recipient, a.candidates, a.confidence, a.evidence, a.concerns
    FROM unattributed u JOIN attribution a ON a.indicator_id = u.indicator_id
"""


async def waiting_page(tx: Transaction, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Unattributed]:
    """Those that wait for a person, the longest waiting first."""
    rows = await tx.fetch(
        f"""{_WAITING} WHERE u.decided_at IS NULL AND (u.waiting_since, u.target_id) > ($1::timestamptz, $2::uuid)
            ORDER BY u.waiting_since, u.target_id LIMIT $3""",
        *(after or BEGINNING),
        limit,
    )
    return [_unattributed(row) for row in rows]


async def unattributed(tx: Transaction, target_id: UUID) -> Unattributed | None:
    """Locked until the transaction ends: two people who decide at once decide one after the other."""
    rows = await tx.fetch(f"{_WAITING} WHERE u.target_id = $1 FOR UPDATE", target_id)
    return _unattributed(rows[0]) if rows else None


async def decided_already(tx: Transaction, target_id: UUID) -> tuple[str, datetime] | None:
    """Who has decided about a threat in the line, and when."""
    rows = await tx.fetch(
        "SELECT decided_by, decided_at FROM unattributed WHERE target_id = $1 AND decided_at IS NOT NULL", target_id
    )
    return (rows[0]["decided_by"], rows[0]["decided_at"]) if rows else None


async def settle_unattributed(
    tx: Transaction, target_id: UUID, *, organisation_id: UUID | None, note: str, decided_by: str, now: datetime
) -> None:
    """Take a threat out of the line."""
    await tx.fetch(
        """UPDATE unattributed SET organisation_id = $2, note = $3, decided_by = $4, decided_at = $5
           WHERE target_id = $1""",
        target_id,
        organisation_id,
        note,
        decided_by,
        now,
    )


async def take_out_of_line(
    tx: Transaction, indicator_ids: Sequence[UUID], *, decided_by: str, now: datetime
) -> list[UUID]:
    """Those of them for which no person has decided yet; nobody can from now on."""
    rows = await tx.fetch(
        """UPDATE unattributed SET decided_by = $2, decided_at = $3 WHERE target_id IN (
               SELECT target_id FROM unattributed
               WHERE target_id = ANY($1::uuid[]) AND decided_at IS NULL ORDER BY target_id FOR UPDATE
           ) RETURNING indicator_id""",
        [target_id_of(indicator_id) for indicator_id in indicator_ids],
        decided_by,
        now,
    )
    return sorted(row["indicator_id"] for row in rows)


async def replace_decision(tx: Transaction, indicator_id: UUID, decision: Decision, *, now: datetime) -> None:
    """A person's word, or an answer that came late, takes the place of what found nobody; nothing else is changed."""
    await tx.fetch(
        """UPDATE attribution SET route = $2, outcome = $3, reason = $4, message = $5, recipient = $6, candidates = $7,
               confidence = $8, evidence = $9, decided_at = $10, concerns = $11
           WHERE indicator_id = $1""",
        indicator_id,
        *_values(decision, now),
    )


def _row(threat: ThreatVerified, decision: Decision, now: datetime) -> tuple[object, ...]:
    return threat.indicator_id, threat.submission_id, threat.key, *_values(decision, now)


def _values(decision: Decision, now: datetime) -> tuple[object, ...]:
    """From `route` on, in the order of the columns."""
    evidence = _encode(decision.evidence).decode()
    match decision:
        case Settled(route=route, outcome=outcome, reason=reason, message=message):
            return route, outcome, reason, message, None, None, 0.0, evidence, now, None
        case Doubted(route=route, reason=reason, message=message, candidates=candidates):
            return route, Outcome.HELD, reason, message, None, _encode(candidates).decode(), 0.0, evidence, now, None
        case Attributed(route=route, recipient=recipient, confidence=confidence, concerns=concerns):
            told = _encode(recipient).decode()
            return route, None, None, None, told, None, confidence, evidence, now, concerns or None


def _attribution(row: asyncpg.Record) -> Attribution:
    return Attribution(row["indicator_id"], row["decided_at"], _decision(row))


def _decision(row: asyncpg.Record) -> Decision:
    route, evidence = Route(row["route"]), _EVIDENCE.decode(row["evidence"])
    if row["outcome"] is None:
        recipient, concerns = _RECIPIENT.decode(row["recipient"]), row["concerns"] or ""
        return Attributed(route, recipient, row["confidence"], evidence, concerns=concerns)
    if row["candidates"] is not None:
        return Doubted(_CANDIDATES.decode(row["candidates"]), row["reason"], row["message"], evidence)
    return Settled(route, Outcome(row["outcome"]), row["reason"], row["message"], evidence)


def _unattributed(row: asyncpg.Record) -> Unattributed:
    return Unattributed(
        target_id=row["target_id"],
        threat=_THREAT.decode(row["threat"]),
        waiting_since=row["waiting_since"],
        decision=_decision(row),
        is_decided=row["is_decided"],
    )
