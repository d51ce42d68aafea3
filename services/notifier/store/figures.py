"""What became of the mails of an incident or a partner, and what their recipients said."""

from datetime import datetime

from libs.common.db import Transaction
from libs.common.vocabulary import FeedbackKind
from services.notifier.domain.brakes.holds import Hold, HoldKind
from services.notifier.domain.brakes.release import Figures
from services.notifier.domain.notification import BrakeScope
from services.notifier.store.holds import IN_EARNEST

OF_INCIDENT = "n.incident = $1"
OF_PARTNER = "$1 = ANY(n.partners)"


async def figures_of(tx: Transaction, hold: Hold, *, since: datetime) -> Figures:
    """Of a first wave, of all mails of its incident; else of those that were made since then."""
    is_wave = hold.kind is HoldKind.FIRST_WAVE
    about = OF_INCIDENT if hold.scope is BrakeScope.INCIDENT else OF_PARTNER
    within = f"{about} AND {IN_EARNEST}" if is_wave else f"{about} AND {IN_EARNEST} AND n.created_at >= $2"
    (mails,) = await tx.fetch(
        f"""
        SELECT count(*) FILTER (WHERE n.sent_at IS NOT NULL) AS sent, count(*) FILTER (WHERE n.state = 'sent')
                 AS delivered, count(*) FILTER (WHERE n.state IN ('bounced', 'failed') AND n.tries > 0) AS bounced,
               count(*) FILTER (WHERE n.state = 'deferred' AND NOT n.is_held) AS deferred,
               count(*) FILTER (
                   WHERE n.state IN ('sending', 'in-doubt') OR (n.state = 'queued' AND n.is_sample)
               ) AS under_way,
               count(*) FILTER (WHERE n.sent_at IS NOT NULL AND EXISTS (
                   SELECT FROM suppressions s WHERE s.value = n.recipient_key AND s.reason = 'complaint'
                   AND s.created_at >= n.sent_at
               )) AS complaints
        FROM notifications n WHERE $2::timestamptz IS NOT NULL AND {within}
        """,  # noqa: S608 - constants only
        hold.value,
        since,
    )
    answered = await _answered(tx, hold, since=since)
    return Figures(**(dict(mails) | answered))


async def _answered(tx: Transaction, hold: Hold, *, since: datetime) -> dict[str, int | float | None]:
    """Ratings name their incident only, so a partner has none."""
    if hold.scope is BrakeScope.INCIDENT:
        of = "a.incident = $1"
    else:
        of = f"EXISTS (SELECT FROM notifications n WHERE n.id = a.notification_id AND {OF_PARTNER})"
    earliest = "$2::timestamptz IS NOT NULL" if hold.kind is HoldKind.FIRST_WAVE else "a.at >= $2"
    (row,) = await tx.fetch(
        f"""
        SELECT count(*) FILTER (WHERE a.kind = $3) AS ratings, avg(a.useful)::float8 AS useful,
               avg(a.clear)::float8 AS clear, count(*) FILTER (WHERE a.kind = $4) AS wrong,
               count(*) FILTER (WHERE a.kind = $5) AS not_ours, count(*) FILTER (WHERE a.kind = $6) AS questions,
               count(*) FILTER (WHERE a.kind = $7) AS fixed, count(*) FILTER (WHERE a.kind = $8) AS opt_outs
        FROM returns a WHERE a.incident IS NOT NULL AND {of} AND {earliest}
        """,  # noqa: S608 - constants only
        hold.value,
        since,
        FeedbackKind.RATING,
        FeedbackKind.FALSE_POSITIVE,
        FeedbackKind.NOT_OURS,
        FeedbackKind.QUESTION,
        FeedbackKind.FIXED,
        FeedbackKind.OPT_OUT,
    )
    return dict(row)


async def forget_answers(tx: Transaction, *, before: datetime) -> None:
    """Those that are too old to decide anything by. What names a notification stays in its timeline."""
    await tx.fetch("DELETE FROM returns WHERE incident IS NOT NULL AND at < $1 AND notification_id IS NULL", before)
    await tx.fetch("UPDATE returns SET incident = NULL WHERE incident IS NOT NULL AND at < $1", before)
