"""Mails that left, their tallies, and the titles of the incidents that they were about."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from libs.common.contracts import IncidentChanged, NotificationSent, NotifiedTarget
from libs.common.db import Transaction
from libs.common.vocabulary import Language, NotificationKind, RecipientKind
from services.feedback.domain.notification import Notification
from services.feedback.domain.statistics import Tally
from services.feedback.store.tables import incidents, tallies

# Ordered, so that two replicas that count at the same moment take the rows' locks in the same order. The look for a
# known notification finds what was noted before, by an older replica too; the unique key, what another one is noting.
NOTE = """
WITH noted AS (
    INSERT INTO notifications (notification_id, reference, recipient_key, recipient_kind, language, incident, category,
                               subject, sent_at, targets, traceparent, is_test, kind)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::timestamptz[], $10::jsonb[], $11::text[], $12::boolean[], $13::text[])
    ON CONFLICT (notification_id) DO NOTHING
    RETURNING notification_id, reference, sent_at, incident, category, recipient_kind, is_test, kind
), firsts AS (
    SELECT DISTINCT ON (reference) reference, sent_at, incident, category, recipient_kind
    FROM noted WHERE NOT is_test AND kind = 'warning'
      AND NOT EXISTS (SELECT FROM notifications AS known WHERE known.reference = noted.reference)
    ORDER BY reference, sent_at, notification_id
), counted AS (
    INSERT INTO counted_references SELECT reference FROM firsts ORDER BY reference
    ON CONFLICT (reference) DO NOTHING RETURNING reference
)
INSERT INTO tallies (month, incident, category, recipient_kind, notifications)
SELECT date_trunc('month', sent_at AT TIME ZONE 'UTC')::date AS month, incident, category, recipient_kind, count(*)
FROM firsts JOIN counted USING (reference)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (month, incident, category, recipient_kind)
DO UPDATE SET notifications = tallies.notifications + excluded.notifications
"""

# A further part of what a mail told of, unless its first target is there already: then it has come before.
ADD = """
UPDATE notifications SET targets = targets || $2::jsonb
WHERE notification_id = $1 AND NOT targets @> jsonb_build_array(jsonb_build_object('target_id', $3::text))
"""

FIND = """
SELECT notification_id, reference, recipient_key, language, incident, subject, sent_at, targets::text, traceparent,
       is_test, kind
FROM notifications WHERE {column} = $1
"""

SENT = """
SELECT (sent_at AT TIME ZONE 'UTC')::date AS day, count(*) AS sent FROM notifications WHERE sent_at >= $1 GROUP BY 1
"""

_targets = msgspec.json.Decoder(tuple[NotifiedTarget, ...])
_titles = msgspec.json.Decoder(dict[Language, str])


async def note(tx: Transaction, sent: Sequence[NotificationSent]) -> None:
    """Keep and count each notification once: one that is there already stays and is not counted again.

    A large one comes in several parts, in whatever order.

    Tests and corrections are kept, and never counted; what goes on to another contact, with the first that left.
    """
    await tx.fetch(
        NOTE,
        [event.notification_id for event in sent],
        [event.reference for event in sent],
        [event.recipient_key for event in sent],
        [event.recipient_kind for event in sent],
        [event.language for event in sent],
        [event.incident for event in sent],
        [event.category for event in sent],
        [event.subject for event in sent],
        [event.sent_at for event in sent],
        [msgspec.json.encode(event.targets).decode() for event in sent],
        [event.traceparent for event in sent],
        [event.is_test for event in sent],
        [event.kind for event in sent],
    )
    for event in sent:
        if event.parts > 1 and event.targets:
            told = msgspec.json.encode(event.targets).decode()
            await tx.fetch(ADD, event.notification_id, told, str(event.targets[0].target_id))


async def notification(tx: Transaction, notification_id: UUID) -> Notification | None:
    rows = await tx.fetch(FIND.format(column="notification_id"), notification_id)
    return _notification(rows[0]) if rows else None


async def notification_by_reference(tx: Transaction, reference: str) -> Notification | None:
    """The first that left with it: others may continue it, to other contacts."""
    rows = await tx.fetch(FIND.format(column="reference") + " ORDER BY sent_at, notification_id LIMIT 1", reference)
    return _notification(rows[0]) if rows else None


async def note_incidents(tx: Transaction, changed: Sequence[IncidentChanged]) -> None:
    """Keep the titles of each incident's newest revision. A slug may appear once."""
    statement = insert(incidents)
    statement = statement.on_conflict_do_update(
        index_elements=[incidents.c.slug],
        set_={"revision": statement.excluded.revision, "titles": statement.excluded.titles},
        where=incidents.c.revision < statement.excluded.revision,
    )
    rows = [
        {
            "slug": event.slug,
            "revision": event.revision,
            "titles": {language.value: advisory.title for language, advisory in event.advisory.items()},
        }
        for event in changed
    ]
    await tx.execute(statement, rows)


async def titles(tx: Transaction) -> Mapping[str, Mapping[Language, str]]:
    """The title of every incident in its languages, by slug."""
    rows = await tx.fetch("SELECT slug, titles::text FROM incidents")
    return {row["slug"]: _titles.decode(row["titles"]) for row in rows}


async def tallies_by_month(tx: Transaction) -> Sequence[Tally]:
    """All tallies, oldest month first."""
    rows = await tx.execute(select(tallies).order_by(tallies.c.month))
    return [
        Tally(
            month=row.month,
            incident=row.incident,
            category=row.category,
            recipient_kind=RecipientKind(row.recipient_kind),
            notifications=row.notifications,
        )
        for row in rows
    ]


def _notification(row: asyncpg.Record) -> Notification:
    return Notification(
        notification_id=row["notification_id"],
        reference=row["reference"],
        recipient_key=row["recipient_key"],
        language=Language(row["language"]),
        incident=row["incident"],
        subject=row["subject"],
        sent_at=row["sent_at"],
        targets=_targets.decode(row["targets"]),
        traceparent=row["traceparent"],
        is_test=row["is_test"],
        kind=NotificationKind(row["kind"]),
    )
