"""Verdicts: one for each indicator, the first one stands."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import ListedOperator, RawIndicator, Reopened
from libs.common.db import Transaction
from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain import Judgement, Verdict
from services.verifier.domain.review import HeldGroup
from services.verifier.store.reasons import ReasonsWriter, read_reasons, written

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
    "listed",
)

REPLACE = """
UPDATE verdicts SET incident = new.incident, verdict = new.verdict, outcome = new.outcome, reason = new.reason,
                    message = new.message, grade = new.grade, severity = new.severity, confidence = new.confidence,
                    reasons = new.reasons, first_seen_at = new.first_seen_at, rules_version = new.rules_version,
                    judged_at = new.judged_at, reopened = new.reopened, listed = new.listed,
                    decided_by = $21, note = $22
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::float8[], $13::text[], $14::text[],
            $15::timestamptz[], $16::text[], $17::timestamptz[], $18::boolean[], $19::text[], $20::text[])
     AS new (indicator_id, threat_id, identifier, partner, incident, verdict, outcome, reason, message, grade,
             severity, confidence, reasons, indicator, first_seen_at, rules_version, judged_at, is_test, reopened,
             listed)
WHERE verdicts.indicator_id = new.indicator_id AND verdicts.outcome = 'held'
"""

HELD_AGAIN = """
UPDATE verdicts SET incident = held.incident, verdict = 'held', outcome = 'held', reason = held.reason,
                    message = held.message, grade = held.grade, severity = held.severity,
                    confidence = held.confidence, reasons = held.reasons, rules_version = held.rules_version,
                    judged_at = held.judged_at, decided_by = NULL, note = NULL, reopened = NULL, listed = NULL
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::text[],
            $9::text[], $10::timestamptz[])
     AS held (indicator_id, incident, reason, message, grade, severity, confidence, reasons, rules_version, judged_at)
WHERE verdicts.indicator_id = held.indicator_id
"""

WANTED = """
outcome = 'held' AND NOT is_test
  AND ($1::text IS NULL OR identifier = $1) AND ($2::text IS NULL OR partner = $2)
  AND ($3::text IS NULL OR reason = $3) AND ($4::text IS NULL OR coalesce(incident, '') = $4)
"""

HELD = f"""
SELECT * FROM verdicts
WHERE {WANTED} AND (judged_at, indicator_id) > ($5::timestamptz, $6::uuid)
ORDER BY judged_at, indicator_id LIMIT $7
"""  # noqa: S608 - ours

HELD_NOW = """
SELECT * FROM verdicts WHERE outcome = 'held' AND NOT is_test AND indicator_id = ANY($1::uuid[])
ORDER BY judged_at, indicator_id FOR UPDATE
"""

GROUPS = f"""
SELECT reason, incident, identifier, partner, count(*) AS records, count(DISTINCT threat_id) AS threats,
       min(judged_at) AS oldest_at, max(judged_at) AS newest_at, min(message) AS example,
       (array_agg(indicator_id ORDER BY judged_at, indicator_id))[1:5] AS samples
FROM verdicts WHERE {WANTED}
GROUP BY reason, incident, identifier, partner
ORDER BY records DESC, reason, identifier, partner, incident LIMIT $5
"""  # noqa: S608 - ours


class HeldFilter(msgspec.Struct, frozen=True):
    """Which of the held are wanted; all where nothing is said. An empty incident stands for none."""

    identifier: str | None = None
    partner: str | None = None
    reason: str | None = None
    incident: str | None = None


BEGINNING = (datetime.fromisoformat("1970-01-01T00:00:00+00:00"), UUID(int=0))

_indicator = msgspec.json.Decoder(RawIndicator)
_reopened = msgspec.json.Decoder(Reopened)
_listed = msgspec.json.Decoder(ListedOperator)
_reasons = ReasonsWriter()


async def stored_verdicts(tx: Transaction, indicator_ids: Collection[UUID]) -> dict[UUID, Judgement]:
    """Those of the indicators that were judged before."""
    rows = await tx.fetch("SELECT * FROM verdicts WHERE indicator_id = ANY($1::uuid[])", list(indicator_ids))
    return {row["indicator_id"]: _judgement(row) for row in rows}


async def record_verdicts(tx: Transaction, judgements: Sequence[Judgement]) -> None:
    """Store verdicts of indicators that have none; `Transient` if one has got one meanwhile."""
    if judgements:
        await tx.copy("verdicts", columns=COLUMNS, rows=map(row_of, judgements))


async def replace_verdicts(
    tx: Transaction, judgements: Sequence[Judgement], *, by: str | None = None, note: str | None = None
) -> None:
    """What was decided takes the place of `held`: all of it, since the rules may have changed in between.

    `by` a person; by the rules if none is named.
    """
    if judgements:
        await tx.fetch(REPLACE, *_columns(judgements), by, note)


async def hold_again(tx: Transaction, held: Sequence[Judgement]) -> None:
    """What a person had decided waits again, as it was before."""
    if not held:
        return
    rows = [
        (
            each.indicator.indicator_id,
            each.incident,
            each.reason,
            each.message,
            each.grade,
            each.severity.value,
            each.confidence,
            written(each.reasons),
            each.rules_version,
            each.at,
        )
        for each in held
    ]
    await tx.fetch(HELD_AGAIN, *map(list, zip(*rows, strict=True)))


async def explain(tx: Transaction, judgements: Sequence[Judgement]) -> None:
    """Put their words and reasons in the place of those that stand there; what was decided stays."""
    await tx.fetch(
        """
        UPDATE verdicts SET message = said.message, reasons = said.reasons
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS said (indicator_id, message, reasons)
        WHERE verdicts.indicator_id = said.indicator_id
        """,
        [each.indicator.indicator_id for each in judgements],
        [each.message for each in judgements],
        [written(each.reasons) for each in judgements],
    )


async def held_page(
    tx: Transaction, wanted: HeldFilter, *, after: tuple[datetime, UUID] | None = None, limit: int
) -> list[Judgement]:
    """Indicators that wait for a person, the longest waiting first; a test waits for nobody."""
    rows = await tx.fetch(HELD, *msgspec.structs.astuple(wanted), *(after or BEGINNING), limit)
    return [_judgement(row) for row in rows]


async def held_groups(tx: Transaction, wanted: HeldFilter, *, limit: int) -> list[HeldGroup]:
    """The same by what they have in common, the most numerous first."""
    rows = await tx.fetch(GROUPS, *msgspec.structs.astuple(wanted), limit)
    return [HeldGroup(**{**row, "samples": tuple(row["samples"])}) for row in rows]


async def held_verdicts(tx: Transaction, indicator_ids: Collection[UUID]) -> list[Judgement]:
    """Those of the indicators that wait for a person; locked, so that two people can't decide the same one."""
    rows = await tx.fetch(HELD_NOW, list(indicator_ids))
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
    return map(list, zip(*map(row_of, judgements), strict=True))


def row_of(judgement: Judgement) -> tuple[object, ...]:
    """A value for each of `COLUMNS`."""
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
        _reasons.text_of(judgement.reasons),
        _json(event),
        judgement.first_seen_at,
        judgement.rules_version,
        judgement.at,
        event.is_test,
        _json(judgement.reopened) if judgement.reopened else None,
        _json(judgement.listed) if judgement.listed else None,
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
        reasons=read_reasons(row["reasons"]),
        threat_id=row["threat_id"],
        incident=row["incident"],
        first_seen_at=row["first_seen_at"],
        rules_version=row["rules_version"],
        at=row["judged_at"],
        decided_by=row["decided_by"],
        note=row["note"],
        reopened=_reopened.decode(row["reopened"]) if row["reopened"] else None,
        listed=_listed.decode(row["listed"]) if row["listed"] else None,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
