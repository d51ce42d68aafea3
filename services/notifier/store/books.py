"""What the notifier's tables answer to those who watch it: its records by submission, its mails by day, what waits."""

from libs.common.bookkeeping import RecordTable
from services.notifier.store.brakes import BRAKED, DIGEST_BRAKED
from services.notifier.store.continuing import GONE_ON
from services.notifier.store.holds import HELD


def _outcome_of(mail: str) -> str:
    """What was said of a mail that is settled: the first end among its attempts, or that it was taken back before.

    What a team was mailed was handed over: it is out of scope.
    """
    return f"""
        coalesce((
            SELECT CASE WHEN a.result = 'rehearsed' THEN 'suppressed'
                        WHEN a.result = 'failed' THEN 'failed'
                        WHEN {mail}.recipient_key ~ '^(test:[^:]*:)?national-cert:' THEN 'out-of-scope'
                        ELSE 'notified' END
            FROM attempts a
            WHERE a.notification_id = {mail}.id AND a.result IN ('sent', 'failed', 'rehearsed')
            ORDER BY a.number LIMIT 1
        ), 'suppressed')
    """  # noqa: S608 - constants only


TARGETS = RecordTable(
    name="targets",
    key="target_id",
    # An outcome is said once. What a person does with a mail afterwards changes its state, and not what was said of it.
    # A target whose mail is gone is not counted: whoever compares shall miss it. What went on to another contact has
    # the outcome of the first of its mails that had one; those that go on are not counted by themselves. The same holds
    # of what was attributed anew, since its proof was lost. A copy has no outcome.
    grouped=f"""
        SELECT submission_id, outcome, CASE WHEN outcome IS NULL THEN state END AS state, count(*) AS records,
               min(decided_at) AS since
        FROM (
            SELECT t.submission_id, t.decided_at, coalesce(n.state, 'unproven') AS state,
                   CASE WHEN t.unproven_at IS NOT NULL AND t.given_up_at IS NOT NULL THEN 'unattributable'
                        WHEN t.unproven_at IS NOT NULL THEN later.outcome
                        WHEN t.notification_id IS NULL THEN 'suppressed'
                        WHEN t.given_up_at IS NOT NULL THEN 'failed'
                        WHEN n.settled THEN {_outcome_of("n")}
                        ELSE later.outcome END AS outcome
            FROM targets t LEFT JOIN notifications n ON n.id = t.notification_id
            LEFT JOIN LATERAL (
                SELECT CASE WHEN c.unproven_at IS NOT NULL THEN 'unattributable'
                            WHEN c.notification_id IS NULL THEN 'suppressed'
                            WHEN c.given_up_at IS NOT NULL THEN 'failed'
                            ELSE {_outcome_of("m")} END AS outcome
                FROM targets c LEFT JOIN notifications m ON m.id = c.notification_id
                WHERE c.first_target_id = t.target_id
                  AND (c.notification_id IS NULL AND c.unproven_at IS NULL OR c.given_up_at IS NOT NULL OR m.settled)
                ORDER BY c.decided_at LIMIT 1
            ) AS later ON n.state = 'bounced' AND NOT n.settled OR t.unproven_at IS NOT NULL
            WHERE t.first_target_id IS NULL AND t.copy_of IS NULL AND t.target_id > $1 AND t.target_id <= $2
              AND t.submission_id > $3 AND t.submission_id <= $4
              AND (t.notification_id IS NULL OR n.id IS NOT NULL)
        ) AS planned
        GROUP BY submission_id, outcome, CASE WHEN outcome IS NULL THEN state END
    """,  # noqa: S608 - constants only
)

SENT = """
    SELECT (sent_at AT TIME ZONE 'UTC')::date AS day, count(*) AS sent FROM notifications WHERE sent_at >= $1 GROUP BY 1
"""

PLANNED = """
    SELECT n.id::text AS id, n.due_at AS since FROM notifications n JOIN incidents i ON i.slug = n.incident
    WHERE n.state = 'planned' AND CASE n.kind
        WHEN 'correction' THEN EXISTS (
            SELECT FROM notifications o WHERE o.id = n.corrects AND (o.settled OR o.state = 'bounced')
        )
        ELSE i.state = 'approved'
    END
"""

WITHOUT_APPROVED_INCIDENT = """
    SELECT n.id::text AS id, coalesce(n.next_attempt_at, n.due_at) AS since
    FROM notifications n LEFT JOIN incidents i ON i.slug = n.incident
    WHERE n.state IN ('planned', 'queued', 'deferred', 'in-doubt') AND n.kind = 'warning'
      AND i.state IS DISTINCT FROM 'approved'
"""

WAITING_FOR_ROOM = """
    SELECT id::text AS id, held_since AS since FROM notifications
    WHERE state IN ('planned', 'queued', 'deferred', 'in-doubt') AND held_since IS NOT NULL AND let_go_at IS NULL
"""

AWAITING_APPROVAL = "SELECT id::text AS id, created_at AS since FROM notifications WHERE state = 'awaiting-approval'"

SENDING = "SELECT id::text AS id, lease_until AS since FROM notifications WHERE state = 'sending'"

WITHOUT_NEXT_CONTACT = f"""
    SELECT n.id::text AS id, coalesce(
        n.gone_on_at, (SELECT max(a.ended_at) FROM attempts a WHERE a.notification_id = n.id), n.created_at
    ) AS since
    FROM notifications n WHERE n.state = 'bounced' AND NOT n.settled AND EXISTS (
        SELECT FROM targets t
        WHERE t.notification_id = n.id AND t.given_up_at IS NULL AND t.copy_of IS NULL AND NOT {GONE_ON}
    )
    UNION
    SELECT n.id::text, min(t.asked_again_at) FROM targets t JOIN notifications n ON n.id = t.notification_id
    WHERE t.asked_again_at IS NOT NULL AND t.exhausted_at IS NULL AND n.state = 'bounced' AND NOT {GONE_ON}
    GROUP BY n.id
    UNION
    SELECT t.taken_from::text, min(t.unproven_at) FROM targets t
    WHERE t.taken_from IS NOT NULL AND t.given_up_at IS NULL AND t.copy_of IS NULL AND NOT {GONE_ON}
    GROUP BY t.taken_from
"""  # noqa: S608 - constants only

RETURNS_TO_HEED = "SELECT return_id::text AS id, at AS since FROM returns WHERE heeded_at IS NULL"

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

QUEUED_AT = "CASE WHEN n.wait = '' THEN coalesce(n.queued_at, n.created_at) ELSE n.next_attempt_at END"
"""What waits for an hour or a day is late when that has come."""

DUE_AT = "n.next_attempt_at"


def may_go_out(state: str, *, since: str) -> str:
    """Mails that no brake, no hold and no incident keeps back, so that only the sender can be late."""
    return f"""
        SELECT n.id::text AS id, {since} AS since FROM notifications n JOIN incidents i ON i.slug = n.incident
        WHERE n.state = '{state}' AND (i.state = 'approved' OR n.kind = 'correction') AND NOT {BRAKED}
          AND NOT n.is_held AND NOT {HELD}
    """  # noqa: S608 - constants only
