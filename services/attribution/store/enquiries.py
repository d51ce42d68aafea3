"""Questions to outside sources, their answers, and the threats that stand aside for them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from libs.common.contracts import ThreatVerified
from libs.common.db import Transaction
from services.attribution.domain.answers import Answer, Enquiry, Source
from services.attribution.domain.enquiries import Asked, Claimed, OpenEnquiry, PendingThreat, urgencies

_ANSWER = msgspec.json.Decoder(Answer)
_THREAT = msgspec.json.Decoder(ThreatVerified)
_encode = msgspec.json.Encoder().encode

BEGINNING = (datetime.fromisoformat("1970-01-01T00:00:00+00:00"), "", "")


async def answers(tx: Transaction, enquiries: Iterable[Enquiry], *, now: datetime) -> dict[Enquiry, Answer]:
    """Those that still count, failures among them: a failure counts until its source may be asked again."""
    rows = await tx.fetch(
        """SELECT body FROM unnest($1::text[], $2::text[]) AS asked (source, subject)
           JOIN answer USING (source, subject) WHERE good_until > $3""",
        *_columns(enquiries),
        now,
    )
    return {answer.enquiry: answer for answer in map(_answer, rows)}


async def stand_aside(tx: Transaction, threats: Sequence[PendingThreat]) -> None:
    """Let these threats wait for answers. One that waits already keeps its time."""
    await tx.fetch(
        """INSERT INTO pending_threat (indicator_id, submission_id, threat, arrived_at, decide_by, due_at)
           SELECT *, decide_by FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[])
               AS waiting (indicator_id, submission_id, threat, arrived_at, decide_by)
           ON CONFLICT DO NOTHING""",
        [each.indicator_id for each in threats],
        [each.threat.submission_id for each in threats],
        [_encode(each.threat).decode() for each in threats],
        [each.arrived_at for each in threats],
        [each.decide_by for each in threats],
    )


async def ask(tx: Transaction, asked: Sequence[Asked], *, now: datetime) -> None:
    """Note what is asked, and for whom. What is being asked already is only made more urgent."""
    wanted = urgencies(asked)
    await tx.fetch(
        """INSERT INTO enquiry (source, subject, urgency, wanted_since, next_try_at)
           SELECT *, $4::timestamptz, $4 FROM unnest($1::text[], $2::text[], $3::int[])
           ON CONFLICT (source, subject) DO UPDATE SET urgency = EXCLUDED.urgency
               WHERE EXCLUDED.urgency < enquiry.urgency""",
        *_columns(enquiry for enquiry, _ in wanted),
        [urgency for _, urgency in wanted],
        now,
    )
    await tx.fetch(
        """INSERT INTO pending_question (source, subject, indicator_id)
           SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]) ON CONFLICT DO NOTHING""",
        *_columns(each.enquiry for each in asked),
        [each.indicator_id for each in asked],
    )


async def claim(tx: Transaction, source: Source, *, limit: int, lease: timedelta, now: datetime) -> list[Claimed]:
    """Questions to one source whose time has come, for this process to ask: others leave them alone for the `lease`."""
    rows = await tx.fetch(
        """UPDATE enquiry SET next_try_at = $3::timestamptz + $4::interval FROM (
               SELECT source, subject FROM enquiry WHERE source = $1 AND next_try_at <= $3
               ORDER BY urgency, next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED
           ) AS due WHERE enquiry.source = due.source AND enquiry.subject = due.subject
           RETURNING enquiry.source, enquiry.subject, enquiry.tries""",
        source,
        limit,
        now,
        lease,
    )
    return [Claimed(Enquiry(Source(row["source"]), row["subject"]), row["tries"]) for row in rows]


async def keep_answer(tx: Transaction, answer: Answer, *, now: datetime) -> int:
    """Keep an answer in the place of the one before, and bring forward what waits for it; says how many threats."""
    source, subject = answer.enquiry.source, answer.enquiry.subject
    await tx.fetch(
        """INSERT INTO answer (source, subject, body, failed, good_until) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (source, subject) DO UPDATE SET body = EXCLUDED.body, failed = EXCLUDED.failed,
               good_until = EXCLUDED.good_until
           WHERE answer.failed OR answer.good_until <= $6 OR NOT EXCLUDED.failed""",
        source,
        subject,
        _encode(answer).decode(),
        bool(answer.failure),
        answer.until,
        now,
    )
    if answer.failure:
        return 0
    await tx.fetch("DELETE FROM enquiry WHERE source = $1 AND subject = $2", source, subject)
    rows = await tx.fetch(
        """UPDATE pending_threat SET due_at = $3 WHERE indicator_id IN (
               SELECT indicator_id FROM pending_threat JOIN pending_question USING (indicator_id)
               WHERE source = $1 AND subject = $2 AND due_at > $3 ORDER BY indicator_id FOR UPDATE OF pending_threat
           ) RETURNING indicator_id""",
        source,
        subject,
        now,
    )
    return len(rows)


async def put_off(tx: Transaction, enquiry: Enquiry, *, until: datetime) -> None:
    """Ask again then, if anybody still waits for it."""
    await tx.fetch(
        """DELETE FROM enquiry WHERE source = $1 AND subject = $2
           AND NOT EXISTS (SELECT FROM pending_question q WHERE q.source = $1 AND q.subject = $2)""",
        enquiry.source,
        enquiry.subject,
    )
    await tx.fetch(
        "UPDATE enquiry SET tries = tries + 1, next_try_at = $3 WHERE source = $1 AND subject = $2",
        enquiry.source,
        enquiry.subject,
        until,
    )


async def due(tx: Transaction, *, limit: int, now: datetime) -> list[PendingThreat]:
    """Threats to decide now, locked until the transaction ends; what another replica decides is left to it."""
    rows = await tx.fetch(
        """SELECT threat, arrived_at, decide_by, decided FROM pending_threat WHERE due_at <= $1
           ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED""",
        now,
        limit,
    )
    return [
        PendingThreat(
            threat=_THREAT.decode(row["threat"]),
            arrived_at=row["arrived_at"],
            decide_by=row["decide_by"],
            decided=row["decided"],
        )
        for row in rows
    ]


async def wait_on(tx: Transaction, indicator_ids: Sequence[UUID]) -> None:
    """They have been looked at, and an answer is still open."""
    await tx.fetch("UPDATE pending_threat SET due_at = decide_by WHERE indicator_id = ANY($1::uuid[])", indicator_ids)


async def hope_on(tx: Transaction, threats: Sequence[PendingThreat]) -> None:
    """They were decided and nobody was found; an answer that comes late may change that."""
    await tx.fetch(
        """UPDATE pending_threat SET decided = true, due_at = late_until
           FROM unnest($1::uuid[], $2::timestamptz[]) AS late (indicator_id, late_until)
           WHERE pending_threat.indicator_id = late.indicator_id""",
        [each.indicator_id for each in threats],
        [each.late_until for each in threats],
    )


async def step_in(tx: Transaction, indicator_ids: Sequence[UUID]) -> None:
    """They are decided, and stand aside no longer."""
    await tx.fetch("DELETE FROM pending_threat WHERE indicator_id = ANY($1::uuid[])", indicator_ids)


async def with_open_questions(tx: Transaction, indicator_ids: Sequence[UUID]) -> set[UUID]:
    """Those of them that a source still owes an answer about."""
    rows = await tx.fetch(
        """SELECT DISTINCT indicator_id FROM pending_question JOIN enquiry USING (source, subject)
           WHERE indicator_id = ANY($1::uuid[])""",
        indicator_ids,
    )
    return {row["indicator_id"] for row in rows}


async def open_page(tx: Transaction, *, after: tuple[datetime, str, str] | None, limit: int) -> list[OpenEnquiry]:
    """Questions without an answer, the oldest first, each with what its source said the last time."""
    rows = await tx.fetch(
        """SELECT e.source, e.subject, e.wanted_since, e.next_try_at, e.tries, a.body, (
               SELECT count(*) FROM pending_question q WHERE q.source = e.source AND q.subject = e.subject
           ) AS threats
           FROM enquiry e LEFT JOIN answer a ON a.source = e.source AND a.subject = e.subject AND a.failed
           WHERE (e.wanted_since, e.source, e.subject) > ($1::timestamptz, $2::text, $3::text)
           ORDER BY e.wanted_since, e.source, e.subject LIMIT $4""",
        *(after or BEGINNING),
        limit,
    )
    return [
        OpenEnquiry(
            enquiry=Enquiry(Source(row["source"]), row["subject"]),
            wanted_since=row["wanted_since"],
            next_try_at=row["next_try_at"],
            tries=row["tries"],
            threats=row["threats"],
            failure=_answer(row).failure if row["body"] else "",
        )
        for row in rows
    ]


async def remove_old_answers(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Answers that have not counted since then. Who was told because of them is in the evidence, not here."""
    rows = await tx.fetch(
        """DELETE FROM answer WHERE (source, subject) IN (
               SELECT source, subject FROM answer WHERE good_until < $1 ORDER BY good_until LIMIT $2
           ) RETURNING 1""",
        before,
        limit,
    )
    return len(rows)


def _columns(enquiries: Iterable[Enquiry]) -> tuple[list[str], list[str]]:
    asked = list(enquiries)
    return [each.source.value for each in asked], [each.subject for each in asked]


def _answer(row: asyncpg.Record) -> Answer:
    return _ANSWER.decode(row["body"])
