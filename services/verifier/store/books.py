"""What the verifier's tables answer to those who watch it: its records by submission, and what waits for a person."""

from libs.common.bookkeeping import RecordTable

VERDICTS = RecordTable(
    name="verdicts",
    key="indicator_id",
    # The submission stands in the record as it came. Taking it out costs a counting 3 us a record (measured); a column
    # for it would cost each insert.
    grouped="""
        SELECT submission_id, outcome, NULL AS state, count(*) AS records, NULL AS since
        FROM (
            SELECT (indicator::json ->> 'submission_id')::uuid AS submission_id, outcome FROM verdicts
            WHERE indicator_id > $1 AND indicator_id <= $2
        ) AS judged
        WHERE submission_id > $3 AND submission_id <= $4 GROUP BY submission_id, outcome
    """,
)

HELD = "SELECT indicator_id::text AS id, judged_at AS since FROM verdicts WHERE outcome = 'held' AND NOT is_test"

PROPOSED = """
    SELECT slug AS id, changed_at AS since FROM incidents
    WHERE state IN ('approved', 'paused') AND content::jsonb ->> 'proposed' IS NOT NULL
"""
