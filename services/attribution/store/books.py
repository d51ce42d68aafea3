"""What attribution's tables answer to those who watch it: its records by submission, and what waits."""

from collections.abc import Iterable

from libs.common.bookkeeping import RecordTable

ATTRIBUTIONS = RecordTable(
    name="attribution",
    key="indicator_id",
    grouped="""
        SELECT submission_id, outcome, NULL AS state, count(*) AS records, NULL::timestamptz AS since FROM attribution
        WHERE indicator_id > $1 AND indicator_id <= $2 AND submission_id > $3 AND submission_id <= $4
        GROUP BY submission_id, outcome
        UNION ALL
        SELECT submission_id, NULL, 'waiting-for-answer', count(*), min(arrived_at) FROM pending_threat
        WHERE indicator_id > $1 AND indicator_id <= $2 AND submission_id > $3 AND submission_id <= $4
          AND NOT EXISTS (SELECT FROM attribution WHERE attribution.indicator_id = pending_threat.indicator_id)
        GROUP BY submission_id
    """,
)

UNATTRIBUTED = "SELECT target_id::text AS id, waiting_since AS since FROM unattributed WHERE decided_at IS NULL"

WAITING_FOR_ANSWER = "SELECT indicator_id::text AS id, due_at AS since FROM pending_threat WHERE NOT decided"
"""They are decided when they are due, with or without an answer."""


def source_rows(sources: Iterable[str]) -> str:
    """What is in of these sources, since the day that each is of."""
    names = ", ".join(f"'{name}'" for name in sources)
    return f"{_SOURCES} WHERE source IN ({names})"


WAITING_REGISTRATIONS = """
    SELECT registration_id::text AS id, waiting_since AS since FROM self_registration WHERE revision > taken_up
"""
WITHOUT_CONTACT = """
    SELECT asset_id::text AS id, begun_at AS since FROM self_registered_asset AS wanted
    JOIN organisation_asset AS asset USING (asset_id)
    WHERE wanted.refusal <> '' AND wanted.step IS NULL AND asset.proof_state IN ('claimed', 'challenged')
      AND NOT EXISTS (SELECT FROM contact_proof AS asked
                      WHERE asked.asset_id = wanted.asset_id AND asked.asked_at >= wanted.begun_at)
"""
"""Assets of organisations that have registered by themselves, which only the desk can help to prove."""

_SOURCES = "SELECT source AS id, made_on::timestamp AT TIME ZONE 'UTC' AS since FROM source_version"
CONFLICTS = "SELECT conflict_id::text AS id, found_at AS since FROM asset_conflict WHERE decided_at IS NULL"
REFUSED_CLAIMS = """
    SELECT asset_id::text AS id, answered_at AS since FROM contact_proof AS asked
    JOIN organisation_asset AS asset USING (asset_id)
    WHERE asked.state = 'refused' AND NOT (asset.self_claimed AND asset.proven_at IS NULL)
      AND (asset.proven_at IS NULL OR asset.proven_at < asked.answered_at)
      AND NOT EXISTS (SELECT FROM contact_proof AS later
                      WHERE later.asset_id = asked.asset_id AND later.asked_at > asked.asked_at)
"""
"""Until the claim is given back, or is proven anew. Of what an organisation only says itself a no is the end of it."""
