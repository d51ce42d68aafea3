"""Held records that no incident covers, and what the drafts that were opened for them stand on."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import RawIndicator
from libs.common.db import Transaction
from services.verifier.domain.drafts import Evidence, Key

PATTERNS_LOCK = 4_867_401
"""Advisory lock of the look for patterns and of what moves: one replica at a time."""

COUNTED_TO = 20_000
SAMPLES = 10

UNCOVERED = """
WITH waiting AS (
    SELECT identifier, judged_at, indicator_id FROM verdicts
    WHERE outcome = 'held' AND NOT is_test AND incident IS NULL AND reason = 'incident' AND judged_at > $1
      AND identifier <> ALL($2::text[])
), crowds AS (
    SELECT identifier FROM waiting GROUP BY identifier HAVING count(*) >= $4
), chosen AS (
    SELECT indicator_id, judged_at FROM waiting LEFT JOIN crowds USING (identifier)
    ORDER BY crowds.identifier IS NULL, judged_at DESC, indicator_id LIMIT $3
)
SELECT indicator FROM verdicts JOIN chosen USING (indicator_id) ORDER BY chosen.judged_at DESC, indicator_id
"""

ADOPT = """
WITH free AS (
    SELECT verdicts.indicator_id, now.incident
    FROM verdicts JOIN unnest($1::uuid[], $2::text[]) AS now (indicator_id, incident) USING (indicator_id)
    WHERE outcome = 'held' AND verdicts.incident IS NULL FOR UPDATE OF verdicts SKIP LOCKED
)
UPDATE verdicts SET incident = free.incident FROM free WHERE verdicts.indicator_id = free.indicator_id
"""

WEIGH = f"""
WITH held AS (
    SELECT indicator_id, partner, judged_at, indicator::json #> '{{indicator,asset}}' AS asset FROM verdicts
    WHERE outcome = 'held' AND NOT is_test AND incident = $1 ORDER BY judged_at DESC, indicator_id LIMIT {COUNTED_TO}
)
SELECT count(*) AS records, min(judged_at) AS first_at, max(judged_at) AS last_at,
    array_agg(DISTINCT partner) AS partners,
    count(DISTINCT coalesce(asset ->> 'ip', asset ->> 'domain', asset ->> 'url', asset ->> 'email', asset ->> 'asn'))
        AS assets,
    (array_agg(indicator_id ORDER BY judged_at DESC, indicator_id))[1:{SAMPLES}] AS samples
FROM held
"""  # noqa: S608 - constants only

_indicator = msgspec.json.Decoder(RawIndicator)
_evidence = msgspec.json.Decoder(Evidence)


async def is_alone(tx: Transaction) -> bool:
    """Whether this replica may go on; until the transaction ends, no other one may."""
    (row,) = await tx.fetch("SELECT pg_try_advisory_xact_lock($1) AS locked", PATTERNS_LOCK)
    return bool(row["locked"])


async def uncovered(
    tx: Transaction, *, since: datetime, besides: list[str], crowd: int, limit: int
) -> list[RawIndicator]:
    """Held records that no incident covered when they were judged, but for these identifiers; newest first.

    If there are more than `limit`, those of identifiers that make a crowd, and then the newest.
    """
    rows = await tx.fetch(UNCOVERED, since, besides, limit, crowd)
    return [_indicator.decode(row["indicator"]) for row in rows]


async def adopt(tx: Transaction, incidents: Mapping[UUID, str]) -> None:
    """Let held records without an incident be of these; whatever is being decided just now is left out."""
    if incidents:
        await tx.fetch(ADOPT, list(incidents), list(incidents.values()))


async def evidence(tx: Transaction) -> dict[str, Evidence]:
    """What incidents that were opened by themselves stand on, by slug."""
    rows = await tx.fetch("SELECT slug, evidence FROM incidents WHERE evidence IS NOT NULL ORDER BY slug")
    return {row["slug"]: _evidence.decode(row["evidence"]) for row in rows}


async def weigh(tx: Transaction, slug: str, *, key: Key) -> Evidence | None:
    """What is held for an incident now, of the newest 20,000; None where nothing is."""
    (row,) = await tx.fetch(WEIGH, slug)
    if not row["records"]:
        return None
    kind, word = key
    return Evidence(
        kind=kind,
        word=word,
        records=row["records"],
        assets=row["assets"],
        partners=tuple(row["partners"]),
        first_at=row["first_at"],
        last_at=row["last_at"],
        samples=tuple(UUID(int=each.int) for each in row["samples"]),
    )


async def has_changed(tx: Transaction, slug: str, known: Evidence) -> bool:
    """Whether other records are held for it than when it was weighed last, as far as number and newest tell."""
    (row,) = await tx.fetch(
        """
        SELECT count(*) AS records, max(judged_at) AS last_at FROM (
            SELECT judged_at FROM verdicts WHERE outcome = 'held' AND NOT is_test AND incident = $1
            ORDER BY judged_at DESC LIMIT $2
        ) AS held
        """,
        slug,
        COUNTED_TO,
    )
    return (row["records"], row["last_at"]) != (known.records, known.last_at)


async def put_evidence(tx: Transaction, slug: str, found: Evidence) -> None:
    """It is no part of what is approved, so the revision stays."""
    encoded = msgspec.json.encode(found).decode()
    await tx.fetch("UPDATE incidents SET evidence = $2 WHERE slug = $1", slug, encoded)
