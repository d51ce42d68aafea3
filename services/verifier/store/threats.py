"""Threats: what is known of each asset, growing with every sighting."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from libs.common.db import Transaction
from libs.common.vocabulary import Severity
from services.verifier.domain import NOT_SEEN_AGAIN, History, Judgement, Threat, ThreatState
from services.verifier.store.confirmations import held_sightings
from services.verifier.store.false_positives import false_positives_at

SEVERITIES = tuple(Severity)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

COLUMNS = (
    "threat_id",
    "asset",
    "identifier",
    "incident",
    "first_seen_at",
    "last_seen_at",
    "sightings",
    "partners",
    "announced_at",
    "is_test",
    "sources",
    "told_urgency",
    "is_doubted",
)

# Of which sightings refute a closing, see `Threat.is_refuted_by`. Rows are locked by id first, as by all who change
# several threats, so that nobody waits for each other in a circle: a join locks in whatever order it is made in.
SEEN_AGAIN = """
WITH locked AS (
    SELECT threat_id FROM threats WHERE threat_id = ANY($1::uuid[]) ORDER BY threat_id FOR UPDATE
)
UPDATE threats SET
    first_seen_at = least(threats.first_seen_at, seen.first_seen_at),
    last_seen_at = greatest(threats.last_seen_at, seen.last_seen_at),
    sightings = threats.sightings + seen.sightings,
    announced_at = greatest(threats.announced_at, seen.announced_at),
    partners = CASE WHEN threats.partners @> seen.partners THEN threats.partners
               ELSE (SELECT array_agg(DISTINCT name) FROM unnest(threats.partners || seen.partners) AS name) END,
    sources = CASE WHEN threats.sources @> seen.sources THEN threats.sources
              ELSE (SELECT array_agg(DISTINCT name) FROM unnest({sources} || seen.sources) AS name) END,
    closed_at = CASE WHEN {refuted} THEN NULL ELSE threats.closed_at END,
    closed_reason = CASE WHEN {refuted} THEN NULL ELSE threats.closed_reason END,
    reopenings = threats.reopenings + CASE WHEN {refuted} THEN 1 ELSE 0 END,
    quiet_at = CASE WHEN greatest(seen.last_seen_at, seen.announced_at)
                         > greatest(threats.last_seen_at, threats.announced_at)
               THEN NULL ELSE threats.quiet_at END,
    told_urgency = least(seen.told_urgency, CASE WHEN {refuted} THEN NULL ELSE threats.told_urgency END),
    is_doubted = CASE WHEN {refuted} THEN seen.is_doubted ELSE threats.is_doubted AND seen.is_doubted END
FROM (
    SELECT threat_id, first_seen_at, last_seen_at, sightings, announced_at, is_doubted,
           string_to_array(partners, ' ') AS partners, string_to_array(sources, ' ') AS sources, told_urgency
    FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::int[], $5::text[], $6::timestamptz[], $7::text[],
                $8::smallint[], $9::boolean[])
         AS row (threat_id, first_seen_at, last_seen_at, sightings, partners, announced_at, sources, told_urgency,
                 is_doubted)
) AS seen JOIN locked USING (threat_id)
WHERE threats.threat_id = seen.threat_id
""".format(  # noqa: S608 - one of ours
    sources="CASE WHEN threats.sources = '{}' THEN threats.partners ELSE threats.sources END",
    refuted="(seen.last_seen_at > CASE threats.closed_reason "
    f"WHEN '{NOT_SEEN_AGAIN}' THEN threats.last_seen_at ELSE threats.closed_at END)",
)

PAGE = """
SELECT * FROM threats
WHERE {state} AND ($1::text IS NULL OR incident = $1) AND ($2::text IS NULL OR asset = $2) AND threat_id > $3::uuid
  AND is_test = $5
ORDER BY threat_id LIMIT $4
"""

IN_STATE: Mapping[ThreatState | None, str] = {
    None: "true",
    ThreatState.OPEN: "closed_at IS NULL AND quiet_at IS NULL",
    ThreatState.QUIET: "closed_at IS NULL AND quiet_at IS NOT NULL",
    ThreatState.CLOSED: "closed_at IS NOT NULL",
}
"""Written out, not a parameter, so that the planner sees which index has them."""

AGE = """
WITH silent AS (
    SELECT threat_id FROM threats
    JOIN unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS row (threat_id, last_seen_at, announced_at)
         USING (threat_id, last_seen_at, announced_at)
    WHERE closed_at IS NULL ORDER BY threat_id FOR UPDATE OF threats SKIP LOCKED
)
UPDATE threats SET quiet_at = {quiet_at}, closed_at = {closed_at}, closed_reason = {closed_reason}
FROM silent WHERE threats.threat_id = silent.threat_id RETURNING threats.threat_id
"""

AGED: Mapping[ThreatState, str] = {
    ThreatState.OPEN: AGE.format(quiet_at="NULL", closed_at="NULL", closed_reason="NULL"),
    ThreatState.QUIET: AGE.format(quiet_at="$4::timestamptz", closed_at="NULL", closed_reason="NULL"),
    ThreatState.CLOSED: AGE.format(
        quiet_at="coalesce(quiet_at, $4::timestamptz)",
        closed_at="$4::timestamptz",
        closed_reason=f"'{NOT_SEEN_AGAIN}'",
    ),
}


async def history_of(
    tx: Transaction, *, threat_ids: Collection[UUID], assets: Collection[str], now: datetime
) -> History:
    """What is known before a batch, in three queries."""
    threats = await threats_with_ids(tx, threat_ids)
    known_wrong = await false_positives_at(tx, assets=assets, threat_ids=threat_ids, now=now)
    held = await held_sightings(tx, threat_ids)
    return History(threats={threat.threat_id: threat for threat in threats}, false_positives=known_wrong, held=held)


async def threats_with_ids(tx: Transaction, threat_ids: Collection[UUID]) -> list[Threat]:
    rows = await tx.fetch("SELECT * FROM threats WHERE threat_id = ANY($1::uuid[])", list(threat_ids))
    return [threat_of(row) for row in rows]


async def record_sightings(tx: Transaction, judgements: Sequence[Judgement], *, known: Collection[UUID]) -> None:
    """Add verified indicators to their threats; `Transient` if one that was not `known` has been stored meanwhile.

    Several sightings of one threat are added up first: one statement can't touch a row twice.
    """
    seen: dict[UUID, list[Judgement]] = {}
    for judgement in judgements:
        seen.setdefault(judgement.threat_id, []).append(judgement)
    new = [threat_id for threat_id in seen if threat_id not in known]
    if new:
        await tx.copy("threats", columns=COLUMNS, rows=[_new_row(seen[threat_id]) for threat_id in new])
    again = [_sighting(seen[threat_id]) for threat_id in seen.keys() - set(new)]
    if again:
        await tx.fetch(SEEN_AGAIN, *map(list, zip(*again, strict=True)))


def _new_row(judgements: Sequence[Judgement]) -> tuple[object, ...]:
    first = judgements[0]
    threat_id, first_seen_at, last_seen_at, sightings, partners, announced_at, sources, *told = _sighting(judgements)
    indicator = first.indicator
    identity = (threat_id, indicator.key, indicator.indicator.identifier, first.incident or "")
    seen = (first_seen_at, last_seen_at, sightings, partners.split(" "), announced_at)
    return *identity, *seen, indicator.is_test, sources.split(" "), *told


def _sighting(judgements: Sequence[Judgement]) -> tuple[UUID, datetime, datetime, int, str, datetime, str, int, bool]:
    """Partners and sources as one text each, as arrays of arrays can't be unnested row by row; no name has a blank."""
    return (
        judgements[0].threat_id,
        min(judgement.first_seen_at for judgement in judgements),
        max(judgement.indicator.indicator.seen_at for judgement in judgements),
        len(judgements),
        " ".join(sorted({judgement.indicator.partner for judgement in judgements})),
        max((judgement.at for judgement in judgements if judgement.outcome is None), default=NEVER),
        " ".join(sorted({judgement.indicator.source for judgement in judgements})),
        min(SEVERITIES.index(judgement.severity) for judgement in judgements),
        all(judgement.is_doubted for judgement in judgements),
    )


async def close_threats(
    tx: Transaction, answered: Mapping[UUID, datetime], *, reason: str, now: datetime
) -> list[Threat]:
    """Close those that are open and were news before they were answered; which were.

    An answer that comes again speaks of what its recipient knew then, not of a threat that has been seen since. What
    was closed because nobody saw it again, a recipient knows better.
    """
    rows = await tx.fetch(
        f"""
        WITH locked AS (
            SELECT threat_id FROM threats WHERE threat_id = ANY($1::uuid[]) ORDER BY threat_id FOR UPDATE
        )
        UPDATE threats SET closed_at = $3, closed_reason = $4
        FROM unnest($1::uuid[], $2::timestamptz[]) AS answered (threat_id, at) JOIN locked USING (threat_id)
        WHERE threats.threat_id = answered.threat_id AND (closed_at IS NULL OR closed_reason = '{NOT_SEEN_AGAIN}')
          AND announced_at <= answered.at
        RETURNING threats.*
        """,  # noqa: S608 - one of ours
        list(answered),
        list(answered.values()),
        now,
        reason,
    )
    return [threat_of(row) for row in rows]


async def withdraw_threats(tx: Transaction, threat_ids: Collection[UUID], *, reason: str, now: datetime) -> None:
    """Close them for this reason, whatever they were closed for before, and trust nobody who said otherwise."""
    await tx.fetch(
        """
        WITH wrong AS (SELECT threat_id FROM threats WHERE threat_id = ANY($1::uuid[]) ORDER BY threat_id FOR UPDATE)
        UPDATE threats SET closed_at = $2, closed_reason = $3, trusted_until = NULL, trusted_by = NULL
        WHERE threat_id IN (SELECT threat_id FROM wrong)
        """,
        list(threat_ids),
        now,
        reason,
    )


async def trust_threats(tx: Transaction, threat_ids: Collection[UUID], *, until: datetime, by: str) -> None:
    """Nobody is asked about these until then."""
    await tx.fetch(
        "UPDATE threats SET trusted_until = $2, trusted_by = $3 WHERE threat_id = ANY($1::uuid[])",
        sorted(threat_ids),
        until,
        by,
    )


async def next_threats(tx: Transaction, *, after: UUID, limit: int) -> list[Threat]:
    """So many threats, by id, whatever their state: a step of a walk through all of them."""
    rows = await tx.fetch("SELECT * FROM threats WHERE threat_id > $1 ORDER BY threat_id LIMIT $2", after, limit)
    return [threat_of(row) for row in rows]


async def age_threats(tx: Transaction, threats: Sequence[Threat], *, state: ThreatState, now: datetime) -> int:
    """Let open and quiet threats become what silence makes of them; of how many that is true.

    One that has been seen meanwhile stays as it is, and so does one that somebody else is at: the next walk finds it.
    """
    if not threats:
        return 0
    columns = zip(*((each.threat_id, each.last_seen_at, each.announced_at) for each in threats), strict=True)
    arguments = map(list, columns)
    return len(await tx.fetch(AGED[state], *arguments, *([] if state is ThreatState.OPEN else [now])))


async def threat(tx: Transaction, threat_id: UUID) -> Threat | None:
    return next(iter(await threats_with_ids(tx, [threat_id])), None)


async def threats_page(
    tx: Transaction,
    *,
    state: ThreatState | None,
    incident: str | None,
    asset: str | None,
    is_test: bool,
    after: UUID | None,
    limit: int,
) -> list[Threat]:
    page = PAGE.format(state=IN_STATE[state])
    rows = await tx.fetch(page, incident, asset, after or UUID(int=0), limit, is_test)
    return [threat_of(row) for row in rows]


def threat_of(row: asyncpg.Record) -> Threat:
    state = ThreatState.CLOSED if row["closed_at"] else ThreatState.QUIET if row["quiet_at"] else ThreatState.OPEN
    return Threat(
        threat_id=row["threat_id"],
        asset=row["asset"],
        identifier=row["identifier"],
        incident=row["incident"],
        state=state,
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        sightings=row["sightings"],
        partners=frozenset(row["partners"]),
        sources=frozenset(row["sources"] or row["partners"]),
        announced_at=row["announced_at"],
        closed_at=row["closed_at"],
        closed_reason=row["closed_reason"],
        is_test=row["is_test"],
        trusted_until=row["trusted_until"],
        trusted_by=row["trusted_by"],
        first_warned_at=row["first_warned_at"],
        last_warned_at=row["last_warned_at"],
        reopenings=row["reopenings"],
        told_severity=None if row["told_urgency"] is None else SEVERITIES[row["told_urgency"]],
        is_doubted=row["is_doubted"],
    )
