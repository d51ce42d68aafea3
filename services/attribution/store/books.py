"""What attribution's tables answer to those who watch it: its records by submission, and what waits."""

from libs.common.bookkeeping import RecordTable

ATTRIBUTIONS = RecordTable(
    name="attribution",
    key="indicator_id",
    grouped="""
        SELECT submission_id, outcome, NULL AS state, count(*) AS records, NULL AS since FROM attribution
        WHERE indicator_id > $1 AND indicator_id <= $2 AND submission_id > $3 AND submission_id <= $4
        GROUP BY submission_id, outcome
    """,
)

UNATTRIBUTED = "SELECT target_id::text AS id, waiting_since AS since FROM unattributed WHERE decided_at IS NULL"

CONFLICTS = "SELECT conflict_id::text AS id, found_at AS since FROM asset_conflict WHERE decided_at IS NULL"
