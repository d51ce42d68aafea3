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
from services.attribution.domain.ladder import Attributed, Decision, Route, Settled
from services.attribution.domain.unattributed import Unattributed

_EVIDENCE = msgspec.json.Decoder(tuple[Evidence, ...])
_RECIPIENT = msgspec.json.Decoder(Recipient)
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
    "confidence",
    "evidence",
    "decided_at",
)


async def of_indicators(tx: Transaction, indicator_ids: Sequence[UUID]) -> dict[UUID, Attribution]:
    rows = await tx.fetch(
        """SELECT indicator_id, route, outcome, reason, message, recipient, confidence, evidence, decided_at
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


async def waiting_page(tx: Transaction, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Unattributed]:
    """Those that wait for a person, the longest waiting first."""
    rows = await tx.fetch(
        """SELECT target_id, threat, waiting_since, organisation_id FROM unattributed
           WHERE decided_at IS NULL AND (waiting_since, target_id) > ($1::timestamptz, $2::uuid)
           ORDER BY waiting_since, target_id LIMIT $3""",
        *(after or BEGINNING),
        limit,
    )
    return [_unattributed(row) for row in rows]


async def unattributed(tx: Transaction, target_id: UUID) -> Unattributed | None:
    """Locked until the transaction ends: two people who decide at once decide one after the other."""
    rows = await tx.fetch(
        """SELECT target_id, threat, waiting_since, organisation_id FROM unattributed
           WHERE target_id = $1 FOR UPDATE""",
        target_id,
    )
    return _unattributed(rows[0]) if rows else None


async def settle_unattributed(
    tx: Transaction, waiting: Unattributed, *, organisation_id: UUID, decided_by: str, now: datetime
) -> None:
    """Take a threat out of the line and remember whose the owned part of its asset is; the newest word counts."""
    await tx.fetch(
        "UPDATE unattributed SET organisation_id = $2, decided_by = $3, decided_at = $4 WHERE target_id = $1",
        waiting.target_id,
        organisation_id,
        decided_by,
        now,
    )
    await tx.fetch(
        """INSERT INTO learnt_asset (owned_part, organisation_id, decided_by, decided_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (owned_part) DO UPDATE SET organisation_id = EXCLUDED.organisation_id,
               decided_by = EXCLUDED.decided_by, decided_at = EXCLUDED.decided_at""",
        waiting.owned_part,
        organisation_id,
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


async def replace_decision(tx: Transaction, indicator_id: UUID, decision: Attributed, *, now: datetime) -> None:
    """A person's word takes the place of an `unattributable`; nothing else is ever changed."""
    await tx.fetch(
        """UPDATE attribution SET route = $2, outcome = NULL, reason = NULL, message = NULL, recipient = $3,
               confidence = $4, evidence = $5, decided_at = $6
           WHERE indicator_id = $1""",
        indicator_id,
        decision.route,
        _encode(decision.recipient).decode(),
        decision.confidence,
        _encode(decision.evidence).decode(),
        now,
    )


def _row(threat: ThreatVerified, decision: Decision, now: datetime) -> tuple[object, ...]:
    evidence = _encode(decision.evidence).decode()
    identity = (threat.indicator_id, threat.submission_id, threat.key, decision.route)
    if isinstance(decision, Settled):
        return *identity, decision.outcome, decision.reason, decision.message, None, 0.0, evidence, now
    recipient = _encode(decision.recipient).decode()
    return *identity, None, None, None, recipient, decision.confidence, evidence, now


def _attribution(row: asyncpg.Record) -> Attribution:
    return Attribution(row["indicator_id"], row["decided_at"], _decision(row))


def _decision(row: asyncpg.Record) -> Decision:
    route, evidence = Route(row["route"]), _EVIDENCE.decode(row["evidence"])
    if row["outcome"] is None:
        return Attributed(route, _RECIPIENT.decode(row["recipient"]), row["confidence"], evidence)
    return Settled(route, Outcome(row["outcome"]), row["reason"], row["message"], evidence)


def _unattributed(row: asyncpg.Record) -> Unattributed:
    return Unattributed(
        target_id=row["target_id"],
        threat=_THREAT.decode(row["threat"]),
        waiting_since=row["waiting_since"],
        organisation_id=row["organisation_id"],
    )
