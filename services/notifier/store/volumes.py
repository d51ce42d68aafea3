"""How many mails and records each day has brought, of each incident and of each partner."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from secrets import randbelow

from libs.common.db import Transaction
from services.notifier.domain.brakes.volume import DAYS_COMPARED, Day, Measure, Subject
from services.notifier.domain.notification import BrakeScope

WRITER = randbelow(32)
"""Of this process. Two that have drawn the same wait for each other, and count as well."""

KEPT_DAYS = 2 * DAYS_COMPARED


async def count_volumes(tx: Transaction, brought: Mapping[Subject, Day], *, now: datetime) -> None:
    """Add to the day. The last statement of its transaction, in the order of the keys: nobody waits for two of us."""
    if not brought:
        return
    subjects = sorted(brought)
    await tx.fetch(
        """
        INSERT INTO volumes (day, scope, value, writer, mails, records)
        SELECT $1, scope, value, $2, mails, records
        FROM unnest($3::text[], $4::text[], $5::int[], $6::int[]) AS given (scope, value, mails, records)
        ON CONFLICT (day, scope, value, writer) DO UPDATE
        SET mails = volumes.mails + excluded.mails, records = volumes.records + excluded.records
        """,
        day_of(now),
        WRITER,
        [scope for scope, _ in subjects],
        [value for _, value in subjects],
        [brought[subject].mails for subject in subjects],
        [brought[subject].records for subject in subjects],
    )


def day_of(moment: datetime) -> date:
    """Days are those of UTC, as everywhere in our books."""
    return moment.astimezone(UTC).date()


async def above_floors(tx: Transaction, floors: Mapping[Measure, int], *, now: datetime) -> dict[Subject, Day]:
    """What today has brought of those that have had more than one of the floors."""
    rows = await tx.fetch(
        """
        SELECT scope, value, sum(mails)::int AS mails, sum(records)::int AS records FROM volumes
        WHERE day = $1 GROUP BY 1, 2 HAVING sum(mails) > $2 OR sum(records) > $3
        """,
        day_of(now),
        floors[Measure.MAILS],
        floors[Measure.RECORDS],
    )
    return {_subject(row["scope"], row["value"]): Day(mails=row["mails"], records=row["records"]) for row in rows}


async def volume_of(tx: Transaction, subject: Subject, *, now: datetime) -> Day:
    """What today has brought of one."""
    (row,) = await tx.fetch(
        """
        SELECT coalesce(sum(mails), 0)::int AS mails, coalesce(sum(records), 0)::int AS records FROM volumes
        WHERE day = $1 AND scope = $2 AND value = $3
        """,
        day_of(now),
        *subject,
    )
    return Day(mails=row["mails"], records=row["records"])


async def histories_of(tx: Transaction, subjects: Collection[Subject], *, now: datetime) -> dict[Subject, list[Day]]:
    """The days before today, from the first one on that has brought something; those without anything are there too."""
    today = day_of(now)
    rows = await tx.fetch(
        """
        SELECT v.scope, v.value, v.day, sum(v.mails)::int AS mails, sum(v.records)::int AS records
        FROM unnest($1::text[], $2::text[]) AS asked (scope, value)
        JOIN volumes v ON v.scope = asked.scope AND v.value = asked.value
        WHERE v.day >= $3 AND v.day < $4 GROUP BY 1, 2, 3
        """,
        [scope for scope, _ in subjects],
        [value for _, value in subjects],
        today - timedelta(days=DAYS_COMPARED),
        today,
    )
    found: dict[Subject, dict[date, Day]] = defaultdict(dict)
    for row in rows:
        day = Day(mails=row["mails"], records=row["records"])
        found[_subject(row["scope"], row["value"])][row["day"]] = day
    return {subject: _without_gaps(found.get(subject, {}), today) for subject in subjects}


def _without_gaps(days: Mapping[date, Day], today: date) -> list[Day]:
    if not days:
        return []
    first = min(days)
    return [days.get(first + timedelta(days=place), Day()) for place in range((today - first).days)]


async def forget_volumes(tx: Transaction, *, now: datetime) -> None:
    """Those that nothing is compared with any more."""
    await tx.fetch("DELETE FROM volumes WHERE day < $1", day_of(now) - timedelta(days=KEPT_DAYS))


def _subject(scope: str, value: str) -> Subject:
    return BrakeScope(scope), value
