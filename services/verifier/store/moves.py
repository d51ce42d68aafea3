"""Threats and held records on their way from one incident to another, some at a time."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import RawIndicator
from libs.common.db import Transaction

BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """From which incident to which, and how far it has got: threats by id first, then what is held by time and id."""

    position: int
    source: str
    target: str
    threats_after: UUID | None
    held_after: tuple[datetime, UUID]


_indicator = msgspec.json.Decoder(RawIndicator)


async def add_move(tx: Transaction, *, source: str, target: str, now: datetime) -> None:
    await tx.fetch(
        """
        INSERT INTO incident_moves (source, target, asked_at, threats_after, held_after_at, held_after_id)
        VALUES ($1, $2, $3, $4, $5, $4)
        """,
        source,
        target,
        now,
        UUID(int=0),
        BEGINNING,
    )


async def oldest_move(tx: Transaction, *, asked_before: datetime) -> Move | None:
    rows = await tx.fetch("SELECT * FROM incident_moves WHERE asked_at <= $1 ORDER BY position LIMIT 1", asked_before)
    for row in rows:
        return Move(
            position=row["position"],
            source=row["source"],
            target=row["target"],
            threats_after=row["threats_after"],
            held_after=(row["held_after_at"], row["held_after_id"]),
        )
    return None


async def note_progress(tx: Transaction, move: Move) -> None:
    await tx.fetch(
        "UPDATE incident_moves SET threats_after = $2, held_after_at = $3, held_after_id = $4 WHERE position = $1",
        move.position,
        move.threats_after,
        *move.held_after,
    )


async def finish_move(tx: Transaction, move: Move) -> None:
    await tx.fetch("DELETE FROM incident_moves WHERE position = $1", move.position)


async def threats_to_move(tx: Transaction, move: Move, *, limit: int) -> list[UUID]:
    """The next threats of the source, in order; locked in that order, as sightings lock them."""
    rows = await tx.fetch(
        "SELECT threat_id FROM threats WHERE incident = $1 AND threat_id > $2 ORDER BY threat_id LIMIT $3 FOR UPDATE",
        move.source,
        move.threats_after,
        limit,
    )
    return [UUID(int=row["threat_id"].int) for row in rows]


async def newest_sightings(tx: Transaction, threat_ids: Collection[UUID]) -> Mapping[UUID, RawIndicator]:
    """What was said of each threat last."""
    rows = await tx.fetch(
        """
        SELECT DISTINCT ON (threat_id) threat_id, indicator FROM verdicts
        WHERE threat_id = ANY($1::uuid[]) AND verdict = 'verified' ORDER BY threat_id, judged_at DESC, indicator_id
        """,
        list(threat_ids),
    )
    return {row["threat_id"]: _indicator.decode(row["indicator"]) for row in rows}


async def held_to_move(tx: Transaction, move: Move, *, limit: int) -> list[tuple[datetime, RawIndicator]]:
    """The next held records of the source; locked in the order in which reviews lock them."""
    rows = await tx.fetch(
        """
        SELECT judged_at, indicator FROM verdicts
        WHERE outcome = 'held' AND NOT is_test AND incident = $1 AND (judged_at, indicator_id) > ($2, $3)
        ORDER BY judged_at, indicator_id LIMIT $4 FOR UPDATE
        """,
        move.source,
        *move.held_after,
        limit,
    )
    return [(row["judged_at"], _indicator.decode(row["indicator"])) for row in rows]


async def move_threats(tx: Transaction, threat_ids: Collection[UUID], *, target: str) -> None:
    await tx.fetch("UPDATE threats SET incident = $2 WHERE threat_id = ANY($1::uuid[])", list(threat_ids), target)


async def move_held(tx: Transaction, indicator_ids: Collection[UUID], *, target: str) -> None:
    await tx.fetch(
        "UPDATE verdicts SET incident = $2 WHERE indicator_id = ANY($1::uuid[])", list(indicator_ids), target
    )
