"""What the rows of notifications and attempts tell of when something was done to them, and of what came of it."""

from datetime import datetime

from asyncpg import Record

from services.notifier.domain.notification import State
from tests.integration.models.mail import Attempt, Mail, Result
from tests.integration.models.post_office import Rows, Tries


def stamps(rows: Rows, tries: Tries, *, since: datetime) -> list[datetime]:
    """When something was written: beginnings and ends of attempts, withdrawals, what went on, what was put back."""
    found = {each[name] for each in tries.values() for name in ("started_at", "ended_at")}
    found |= {row["decided_at"] for row in rows.values() if row["state"] == State.CANCELLED}
    found |= {row["gone_on_at"] for row in rows.values() if row["state"] == State.BOUNCED}
    found |= {row["next_attempt_at"] for row in rows.values() if row["state"] == State.QUEUED}
    return sorted(stamp for stamp in found if stamp and stamp > since)


def answered_at(attempt: Attempt, rows: Rows, tries: Tries) -> datetime | None:
    """An attempt that was put back is struck out."""
    row = tries.get((attempt.mail.id, attempt.number))
    stamp: datetime | None = row["ended_at"] if row else rows[attempt.mail.id]["next_attempt_at"]
    return stamp


def is_put_back(row: Record, stamp: datetime) -> bool:
    return (row["state"], row["next_attempt_at"]) == (State.QUEUED, stamp)


def is_chosen(mail: Mail, rows: Rows, tries: Tries, stamp: datetime) -> bool:
    """Claimed at this moment, or withdrawn or passed on instead, as its recipient has become silent."""
    attempt, row = tries.get((mail.id, mail.tries + 1)), rows[mail.id]
    withdrawn_at = row["decided_at"] if row["state"] == State.CANCELLED else None
    passed_on_at = row["gone_on_at"] if row["state"] == State.BOUNCED else None
    return stamp in {attempt["started_at"] if attempt else None, withdrawn_at, passed_on_at}


def result_of(row: Record | None, expected: Result) -> Result:
    """What an attempt came to, as it was written down: without a row, nothing was tried."""
    if row is None:
        return Result.RELEASED
    if row["result"] == "failed":
        refused = Result.DEAD if expected is Result.DEAD else Result.FAILED
        return refused if row["smtp_code"] else Result.LOST
    others = {
        "sent": Result.SENT,
        "rehearsed": Result.REHEARSED,
        "deferred": Result.DEFERRED,
        "bounced": Result.DEAD,
        "in-doubt": Result.LOST,
    }
    return others[row["result"]]
