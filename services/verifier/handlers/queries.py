"""Somebody asks what the verifier knows. A page has one item more than asked for where there is a next page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.db import Transaction
from libs.common.problems import not_found
from libs.common.vocabulary import IncidentState
from services.verifier import store
from services.verifier.domain import (
    FeedStanding,
    Incident,
    Judgement,
    Rules,
    StoredFalsePositive,
    Threat,
    ThreatState,
    feed_standing,
    feeds_of,
    last_reported_at,
)
from services.verifier.domain.drafts import Evidence
from services.verifier.domain.review import HeldGroup, PastDecision

SIGHTINGS_SHOWN = 100


async def verdict_of(tx: Transaction, indicator_id: UUID) -> Judgement:
    """Raises the 404 problem for an indicator that has not come, or not yet."""
    judgement = await store.verdict_of(tx, indicator_id)
    if judgement is None:
        raise not_found("indicator")
    return judgement


async def held_page(
    tx: Transaction, wanted: store.HeldFilter, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Judgement]:
    """What waits for a person, the longest waiting first. Nobody is asked about a test."""
    return await store.held_page(tx, wanted, after=after, limit=limit + 1)


async def held_groups(tx: Transaction, wanted: store.HeldFilter, *, limit: int) -> list[HeldGroup]:
    """The same by reason, incident, finding and partner: what can be decided in one go."""
    return await store.held_groups(tx, wanted, limit=limit)


async def decisions_on(tx: Transaction, indicator_id: UUID) -> list[PastDecision]:
    """What people have decided of one indicator, oldest first."""
    return await store.decisions_on(tx, [indicator_id])


async def threats_page(
    tx: Transaction,
    *,
    state: ThreatState | None,
    incident: str | None,
    asset: str | None,
    is_test: bool = False,
    after: UUID | None,
    limit: int,
) -> list[Threat]:
    return await store.threats_page(
        tx,
        state=state,
        incident=incident,
        asset=asset,
        is_test=is_test,
        after=after,
        limit=limit + 1,
    )


async def feeds_behind(
    tx: Transaction, threats: Sequence[Threat], *, rules: Rules, now: datetime
) -> Mapping[UUID, FeedStanding]:
    """What silence about each threat means, by its id. Of a test it means nothing: those are none of a feed."""
    real = [threat for threat in threats if not threat.is_test]
    reported = await store.reported_at(tx, feeds_of(real))
    return {each.threat_id: feed_standing(last_reported_at(each, reported), rules, now) for each in real}


async def threat_with_sightings(tx: Transaction, threat_id: UUID) -> tuple[Threat, list[Judgement]]:
    """A threat and the newest hundred indicators that said so; raises the 404 problem where there is none."""
    threat = await store.threat(tx, threat_id)
    if threat is None:
        raise not_found("threat")
    return threat, await store.sightings_of(tx, threat_id, limit=SIGHTINGS_SHOWN)


async def incidents_page(tx: Transaction, *, state: IncidentState | None, after: str, limit: int) -> list[Incident]:
    """By slug. The catalogue is small: it is read whole."""
    known = await store.incidents(tx)
    chosen = [incident for slug, incident in known.items() if slug > after and state in {None, incident.state}]
    return chosen[: limit + 1]


async def incident_called(tx: Transaction, slug: str) -> Incident:
    """Raises the 404 problem where there is none."""
    incident = (await store.incidents(tx)).get(slug)
    if incident is None:
        raise not_found("incident")
    return incident


async def incident_with_evidence(tx: Transaction, slug: str) -> tuple[Incident, Evidence | None]:
    """With why it was opened, where it opened by itself; raises the 404 problem where there is none."""
    return await incident_called(tx, slug), (await store.evidence(tx)).get(slug)


async def false_positives_page(tx: Transaction, *, after: UUID | None, limit: int) -> list[StoredFalsePositive]:
    return await store.false_positives(tx, after=after, limit=limit + 1)
