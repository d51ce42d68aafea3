"""What the notifier's tables answer to those who watch it: its records by submission, its mails by day, what waits."""

from libs.common.bookkeeping import RecordTable
from services.notifier.store.digests import DIGEST_BRAKED
from services.notifier.store.holds import HELD
from services.notifier.store.notifications import BRAKED

TARGETS = RecordTable(
    name="targets",
    key="target_id",
    # An outcome is said once. What a person does with a mail afterwards changes its state, and not what was said of it:
    # that is the first end among its attempts, or that it was taken back where there was none. What a team was mailed
    # was handed over: it is out of scope. A target whose mail is gone is not counted: whoever compares shall miss it.
    grouped="""
        SELECT submission_id, outcome, CASE WHEN outcome IS NULL THEN state END AS state, count(*) AS records,
               min(decided_at) AS since
        FROM (
            SELECT t.submission_id, t.decided_at, n.state,
                   CASE WHEN t.notification_id IS NULL THEN 'suppressed'
                        WHEN n.settled THEN coalesce(said.outcome, 'suppressed') END AS outcome
            FROM targets t LEFT JOIN notifications n ON n.id = t.notification_id
            LEFT JOIN LATERAL (
                SELECT CASE WHEN a.result = 'rehearsed' THEN 'suppressed'
                            WHEN a.result = 'failed' THEN 'failed'
                            WHEN n.recipient_key ~ '^(test:[^:]*:)?national-cert:' THEN 'out-of-scope'
                            ELSE 'notified' END AS outcome
                FROM attempts a
                WHERE a.notification_id = n.id AND a.result IN ('sent', 'failed', 'rehearsed')
                ORDER BY a.number LIMIT 1
            ) AS said ON n.settled
            WHERE t.target_id > $1 AND t.target_id <= $2 AND t.submission_id > $3 AND t.submission_id <= $4
              AND (t.notification_id IS NULL OR n.id IS NOT NULL)
        ) AS planned
        GROUP BY submission_id, outcome, CASE WHEN outcome IS NULL THEN state END
    """,
)

SENT = """
    SELECT (sent_at AT TIME ZONE 'UTC')::date AS day, count(*) AS sent FROM notifications WHERE sent_at >= $1 GROUP BY 1
"""

PLANNED = """
    SELECT n.id::text AS id, n.due_at AS since FROM notifications n JOIN incidents i ON i.slug = n.incident
    WHERE n.state = 'planned' AND CASE n.kind
        WHEN 'correction' THEN EXISTS (SELECT FROM notifications o WHERE o.id = n.corrects AND o.settled)
        ELSE i.state = 'approved'
    END
"""

WITHOUT_APPROVED_INCIDENT = """
    SELECT n.id::text AS id, coalesce(n.next_attempt_at, n.due_at) AS since
    FROM notifications n LEFT JOIN incidents i ON i.slug = n.incident
    WHERE n.state IN ('planned', 'queued', 'deferred', 'in-doubt') AND n.kind = 'warning'
      AND i.state IS DISTINCT FROM 'approved'
"""

AWAITING_APPROVAL = "SELECT id::text AS id, created_at AS since FROM notifications WHERE state = 'awaiting-approval'"

SENDING = "SELECT id::text AS id, lease_until AS since FROM notifications WHERE state = 'sending'"

ENGAGED_BRAKES = "SELECT concat_ws(' ', scope, nullif(value, '')) AS id, changed_at AS since FROM brakes WHERE engaged"

HOLDS = """
    SELECT concat_ws(' ', kind, scope, value) AS id, waits_since AS since FROM holds
    WHERE state = 'standing' AND waits_since IS NOT NULL
"""

BULK_ORDERS = """
    SELECT concat_ws(' ', action, scope, value) AS id, at AS since FROM brake_decisions WHERE is_open
    UNION ALL
    SELECT concat_ws(' ', 'released', scope, value) AS id, ended_at AS since FROM holds WHERE state = 'releasing'
"""

DIGESTS_TO_SEND = f"""
    SELECT id::text AS id, next_attempt_at AS since FROM digests
    WHERE state IN ('queued', 'deferred', 'in-doubt') AND NOT {DIGEST_BRAKED}
"""  # noqa: S608 - constants only

DIGESTS_SENDING = "SELECT id::text AS id, lease_until AS since FROM digests WHERE state = 'sending'"

QUEUED_AT = "coalesce(n.queued_at, n.created_at)"
DUE_AT = "n.next_attempt_at"


def may_go_out(state: str, *, since: str) -> str:
    """Mails that no brake, no hold and no incident keeps back, so that only the sender can be late."""
    return f"""
        SELECT n.id::text AS id, {since} AS since FROM notifications n JOIN incidents i ON i.slug = n.incident
        WHERE n.state = '{state}' AND (i.state = 'approved' OR n.kind = 'correction') AND NOT {BRAKED}
          AND NOT n.is_held AND NOT {HELD}
    """  # noqa: S608 - constants only
