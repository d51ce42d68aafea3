"""Verdicts: one for each indicator, the first one stands."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import RawIndicator, Reopened
from libs.common.db import Transaction
from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain import Judgement, Reason, Verdict

COLUMNS = (
    "indicator_id",
    "threat_id",
    "identifier",
    "partner",
    "incident",
    "verdict",
    "outcome",
    "reason",
    "message",
    "grade",
    "severity",
    "confidence",
    "reasons",
    "indicator",
    "first_seen_at",
    "rules_version",
    "judged_at",
    "is_test",
    "reopened",
)

REPLACE = """
UPDATE verdicts SET incident = new.incident, verdict = new.verdict, outcome = new.outcome, reason = new.reason,
                    message = new.message, grade = new.grade, severity = new.severity, confidence = new.confidence,
                    reasons = new.reasons, first_seen_at = new.first_seen_at, rules_version = new.rules_version,
                    judged_at = new.judged_at, reopened = new.reopened, decided_by = $20, note = $21
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::float8[], $13::text[], $14::text[],
            $15::timestamptz[], $16::text[], $17::timestamptz[], $18::boolean[], $19::text[])
     AS new (indicator_id, threat_id, identifier, partner, incident, verdict, outcome, reason, message, grade,
             severity, confidence, reasons, indicator, first_seen_at, rules_version, judged_at, is_test, reopened)
WHERE verdicts.indicator_id = new.indicator_id AND verdicts.outcome = 'held'
"""

HELD = """
SELECT * FROM verdicts
WHERE outcome = 'held' AND NOT is_test AND ($1::uuid[] IS NULL OR indicator_id = ANY($1))
  AND ($2::text IS NULL OR identifier = $2) AND ($3::text IS NULL OR partner = $3)
  AND ($4::text IS NULL OR reason = $4) AND (judged_at, indicator_id) > ($5::timestamptz, $6::uuid)
ORDER BY judged_at, indicator_id LIMIT $7
"""

BEGINNING = (datetime.fromisoformat("1970-01-01T00:00:00+00:00"), UUID(int=0))

_reasons = msgspec.json.Decoder(tuple[Reason, ...])
_indicator = msgspec.json.Decoder(RawIndicator)
_reopened = msgspec.json.Decoder(Reopened)


async def stored_verdicts(tx: Transaction, indicator_ids: Collection[UUID]) -> dict[UUID, Judgement]:
    """Those of the indicators that were judged before."""
    rows = await tx.fetch("SELECT * FROM verdicts WHERE indicator_id = ANY($1::uuid[])", list(indicator_ids))
    return {row["indicator_id"]: _judgement(row) for row in rows}


async def record_verdicts(tx: Transaction, judgements: Sequence[Judgement]) -> None:
    """Store verdicts of indicators that have none; `Transient` if one has got one meanwhile."""
    if judgements:
        await tx.copy("verdicts", columns=COLUMNS, rows=map(_row, judgements))


async def replace_verdicts(tx: Transaction, judgements: Sequence[Judgement], *, by: str, note: str) -> None:
    """What a person decided takes the place of `held`: all of it, since the rules may have changed in between."""
    if judgements:
        await tx.fetch(REPLACE, *_columns(judgements), by, note)


async def held_page(
    tx: Transaction,
    *,
    identifier: str | None = None,
    partner: str | None = None,
    reason: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Judgement]:
    """Indicators that wait for a person, the longest waiting first; a test waits for nobody."""
    rows = await tx.fetch(HELD, None, identifier, partner, reason, *(after or BEGINNING), limit)
    return [_judgement(row) for row in rows]


async def held_verdicts(tx: Transaction, indicator_ids: Collection[UUID]) -> list[Judgement]:
    """Those of the indicators that wait for a person; locked, so that two people can't decide the same one."""
    rows = await tx.fetch(HELD + " FOR UPDATE", list(indicator_ids), None, None, None, *BEGINNING, len(indicator_ids))
    return [_judgement(row) for row in rows]


async def verdict_of(tx: Transaction, indicator_id: UUID) -> Judgement | None:
    return (await stored_verdicts(tx, [indicator_id])).get(indicator_id)


async def sightings_of(tx: Transaction, threat_id: UUID, *, limit: int) -> list[Judgement]:
    """Indicators that said the same as this threat, newest first."""
    rows = await tx.fetch(
        "SELECT * FROM verdicts WHERE threat_id = $1 ORDER BY judged_at DESC, indicator_id LIMIT $2", threat_id, limit
    )
    return [_judgement(row) for row in rows]


def _columns(judgements: Sequence[Judgement]) -> Iterable[list[object]]:
    """One list for each column, as `unnest` takes them."""
    return map(list, zip(*map(_row, judgements), strict=True))


def _row(judgement: Judgement) -> tuple[object, ...]:
    event = judgement.indicator
    return (
        event.indicator_id,
        judgement.threat_id,
        event.indicator.identifier,
        event.partner,
        judgement.incident,
        judgement.verdict.value,
        judgement.outcome.value if judgement.outcome else None,
        judgement.reason,
        judgement.message,
        judgement.grade,
        judgement.severity.value,
        judgement.confidence,
        _json(judgement.reasons),
        _json(event),
        judgement.first_seen_at,
        judgement.rules_version,
        judgement.at,
        event.is_test,
        _json(judgement.reopened) if judgement.reopened else None,
    )


def _judgement(row: asyncpg.Record) -> Judgement:
    return Judgement(
        indicator=_indicator.decode(row["indicator"]),
        verdict=Verdict(row["verdict"]),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        reason=row["reason"],
        message=row["message"],
        grade=row["grade"],
        severity=Severity(row["severity"]),
        confidence=row["confidence"],
        reasons=_reasons.decode(row["reasons"]),
        threat_id=row["threat_id"],
        incident=row["incident"],
        first_seen_at=row["first_seen_at"],
        rules_version=row["rules_version"],
        at=row["judged_at"],
        reopened=_reopened.decode(row["reopened"]) if row["reopened"] else None,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
