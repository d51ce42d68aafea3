"""What the verifier does by itself now and then: threats follow their incidents, and drafts open."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from libs.common.contracts import RawIndicator
from libs.common.db import Database, Transaction
from libs.common.errors import Transient
from libs.common.shutdown import Shutdown
from services.verifier import store
from services.verifier.domain import Catalogue
from services.verifier.handlers.drafting import open_drafts
from services.verifier.handlers.in_force import RulesInForce

log = structlog.get_logger(__name__)

MOVED_AT_ONCE = 1_000

ALL_JUDGE_BY_IT = timedelta(seconds=10)
"""So long after a change of the catalogue, at least, every replica judges by it: nothing new comes to what is moved."""

REFRESHES = 3
"""And so many rounds in which the rules are read again: one or the other may fail."""


class IncidentUpkeep:
    """Rounds, until shutdown."""

    def __init__(self, rules: RulesInForce, *, database: Database, every_seconds: float) -> None:
        self._rules = rules
        self._database = database
        self._every_seconds = every_seconds
        self._settled = max(ALL_JUDGE_BY_IT, REFRESHES * timedelta(seconds=rules.refresh_seconds))

    async def run(self, shutdown: Shutdown) -> None:
        while not await shutdown.wait(self._every_seconds):
            try:
                await self._move(shutdown)
                async with self._database.transaction() as tx:
                    await open_drafts(tx, rules=self._rules.current, now=self._database.now())
            except Transient as error:
                log.warning("upkeep waits", reason=str(error))

    async def _move(self, shutdown: Shutdown) -> None:
        more = True
        while more and not shutdown.requested:
            async with self._database.transaction() as tx:
                more = await move_some(tx, now=self._database.now(), settled=self._settled)


async def move_some(
    tx: Transaction, *, now: datetime, at_once: int = MOVED_AT_ONCE, settled: timedelta = ALL_JUDGE_BY_IT
) -> bool:
    """Bring some threats, or some of what is held, to the incident that they are of now; whether to go on.

    After a merge that is everything, after a split what the catalogue finds to be of the new one.
    """
    if not await store.is_alone(tx):
        return False
    move = await store.oldest_move(tx, asked_before=now - settled)
    if move is None:
        return False
    route = _Route(move, Catalogue((await store.incidents(tx)).values()))
    if move.threats_after is not None:
        await store.note_progress(tx, await _move_threats(tx, move, route, at_once=at_once))
        return True
    moved = await _move_held(tx, move, route, at_once=at_once)
    if moved is None:
        await store.finish_move(tx, move)
    else:
        await store.note_progress(tx, moved)
    return True


class _Route:
    """Where what is of the source belongs."""

    def __init__(self, move: store.Move, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        source = catalogue.incidents.get(move.source)
        self._takes_all = source is not None and source.merged_into is not None
        self.target = catalogue.at_the_end_of(move.target)
        self._part = move.target

    def leads_away(self, event: RawIndicator | None) -> bool:
        """Whether a record, or the threat that it speaks of, moves."""
        if self._takes_all or event is None:
            return self._takes_all
        found = self._catalogue.incident_of(event.indicator)
        return found is not None and found.slug in {self._part, self.target}


async def _move_threats(tx: Transaction, move: store.Move, route: _Route, *, at_once: int) -> store.Move:
    threat_ids = await store.threats_to_move(tx, move, limit=at_once)
    sightings = await store.newest_sightings(tx, threat_ids)
    moving = [threat_id for threat_id in threat_ids if route.leads_away(sightings.get(threat_id))]
    await store.move_threats(tx, moving, target=route.target)
    reached: UUID | None = threat_ids[-1] if len(threat_ids) == at_once else None
    return msgspec.structs.replace(move, threats_after=reached)


async def _move_held(tx: Transaction, move: store.Move, route: _Route, *, at_once: int) -> store.Move | None:
    """How far it is now; None at the end."""
    held = await store.held_to_move(tx, move, limit=at_once)
    moving = [event.indicator_id for _, event in held if route.leads_away(event)]
    await store.move_held(tx, moving, target=route.target)
    if len(held) < at_once:
        return None
    judged_at, event = held[-1]
    return msgspec.structs.replace(move, held_after=(judged_at, event.indicator_id))
