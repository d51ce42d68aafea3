"""What is held and counts for others; and what is to be judged anew, as somebody else has found the same."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.db import Transaction
from libs.common.errors import Transient
from services.verifier.domain.corroboration import COUNT_WHILE_HELD, DOUBT
from services.verifier.domain.values import HeldSighting

BEGINNING = UUID(int=0)

# Both are said as the index `verdicts_held_of_threat` says them.
COUNTING = f"outcome = 'held' AND NOT is_test AND reason IN {COUNT_WHILE_HELD!r}"
NEWEST_OF_A_PARTNER = "ORDER BY partner, judged_at DESC, indicator_id DESC LIMIT 1"

# From one partner to the next, by the index: of a threat that somebody reports every hour only the last is read.
HELD = f"""
WITH RECURSIVE newest AS (
    SELECT wanted.threat_id, held.*
    FROM unnest($1::uuid[]) AS wanted (threat_id) CROSS JOIN LATERAL (
        SELECT partner, confidence, indicator FROM verdicts
        WHERE {COUNTING} AND threat_id = wanted.threat_id AND ($2::timestamptz IS NULL OR judged_at < $2)
        {NEWEST_OF_A_PARTNER}
    ) AS held
    UNION ALL
    SELECT newest.threat_id, held.*
    FROM newest CROSS JOIN LATERAL (
        SELECT partner, confidence, indicator FROM verdicts
        WHERE {COUNTING} AND threat_id = newest.threat_id AND ($2::timestamptz IS NULL OR judged_at < $2)
          AND partner > newest.partner
        {NEWEST_OF_A_PARTNER}
    ) AS held
)
SELECT threat_id, partner, confidence, indicator FROM newest
"""  # noqa: S608 - ours

# As a row of `threats`, but nobody ever sees it: it is gone before its transaction ends.
CLAIM = """
INSERT INTO threats (threat_id, asset, identifier, incident, first_seen_at, last_seen_at, sightings, partners,
                     announced_at)
SELECT threat_id, '', '', '', now(), now(), 0, '{}', now() FROM unnest($1::uuid[]) AS wanted (threat_id)
ORDER BY threat_id ON CONFLICT DO NOTHING RETURNING threat_id
"""

ASK = f"""
INSERT INTO confirmations (threat_id, after)
SELECT DISTINCT threat_id, $2::uuid FROM unnest($1::uuid[]) AS wanted (threat_id)
WHERE EXISTS (
    SELECT FROM verdicts WHERE {COUNTING} AND reason = '{DOUBT}' AND verdicts.threat_id = wanted.threat_id
)
"""  # noqa: S608 - one of ours

OLDEST = """
SELECT position, threat_id, after FROM confirmations ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED
"""

WAITING = f"""
SELECT asked.position, verdicts.indicator_id
FROM unnest($1::bigint[], $2::uuid[], $3::uuid[]) AS asked (position, threat_id, after) JOIN verdicts USING (threat_id)
WHERE {COUNTING} AND reason = '{DOUBT}' AND verdicts.indicator_id > asked.after
ORDER BY asked.position, verdicts.indicator_id LIMIT $4
"""  # noqa: S608 - one of ours


class _Said(msgspec.Struct):
    seen_at: datetime


class _Record(msgspec.Struct):
    """As much of a stored record as is needed here: reading all of it takes three times as long."""

    indicator: _Said
    upstream: str | None = None


class Confirmation(msgspec.Struct, frozen=True):
    """A threat of which what is held is judged anew, and after which record to go on."""

    position: int
    threat_id: UUID
    after: UUID


_record = msgspec.json.Decoder(_Record)


async def held_sightings(
    tx: Transaction, threat_ids: Collection[UUID], *, before: datetime | None = None
) -> Mapping[UUID, tuple[HeldSighting, ...]]:
    """What is held of these threats and counts for others: of each partner the newest. Without those that have none."""
    held: dict[UUID, tuple[HeldSighting, ...]] = {}
    for row in await tx.fetch(HELD, list(threat_ids), before):
        record = _record.decode(row["indicator"])
        partner = row["partner"]
        sighting = HeldSighting(partner, record.upstream or partner, record.indicator.seen_at, row["confidence"])
        held[row["threat_id"]] = (*held.get(row["threat_id"], ()), sighting)
    return held


async def claim(tx: Transaction, threat_ids: Collection[UUID], *, known: Collection[UUID]) -> None:
    """Until the end of the transaction nobody else stores or holds anything of these threats; waits for who does.

    `Transient` if one that was not `known` has been stored meanwhile.
    """
    wanted = sorted(threat_id for threat_id in threat_ids if threat_id not in known)
    if wanted:
        claimed = await tx.fetch(CLAIM, wanted)
        if len(claimed) < len(wanted):
            raise Transient("another replica has found the same threat meanwhile")
        await tx.fetch("DELETE FROM threats WHERE threat_id = ANY($1::uuid[]) AND sightings = 0", wanted)
    await tx.fetch(
        "SELECT FROM threats WHERE threat_id = ANY($1::uuid[]) ORDER BY threat_id FOR UPDATE",
        [threat_id for threat_id in threat_ids if threat_id in known],
    )


async def ask_anew(tx: Transaction, threat_ids: Collection[UUID]) -> None:
    """Let what is held of these threats for doubt alone be judged anew; of threats without it nothing is noted."""
    if threat_ids:
        await tx.fetch(ASK, list(threat_ids), BEGINNING)


async def oldest_confirmations(tx: Transaction, *, limit: int) -> list[Confirmation]:
    """Locked; without those that another replica is at."""
    return [Confirmation(**row) for row in await tx.fetch(OLDEST, limit)]


async def waiting_for(tx: Transaction, asked: Sequence[Confirmation], *, limit: int) -> list[tuple[int, UUID]]:
    """The next records that are held of these for doubt alone, each with the position of its threat, in order."""
    columns = ([each.position for each in asked], [each.threat_id for each in asked], [each.after for each in asked])
    return [(row["position"], row["indicator_id"]) for row in await tx.fetch(WAITING, *columns, limit)]


async def finish_confirmations(tx: Transaction, positions: Collection[int]) -> None:
    await tx.fetch("DELETE FROM confirmations WHERE position = ANY($1::bigint[])", list(positions))


async def go_on_after(tx: Transaction, position: int, *, after: UUID) -> None:
    await tx.fetch("UPDATE confirmations SET after = $2 WHERE position = $1", position, after)
