"""`/v1/threats`: what is known of assets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from libs.common.db import Database
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Role, operator
from services.verifier import handlers
from services.verifier.api.views import ThreatView, VerdictView, threat_view, verdict_view
from services.verifier.domain import ThreatState
from services.verifier.handlers import RulesInForce


class ThreatWithSightings(ThreatView):
    """A threat and the indicators that said so, newest first, at most a hundred."""

    indicators: list[VerdictView]


def routes(database: Database, rules: RulesInForce) -> APIRouter:
    router = APIRouter(prefix="/v1/threats", tags=["threats"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("")
    async def list_threats(
        state: ThreatState | None = None,
        incident: Annotated[str | None, Query(max_length=100)] = None,
        asset: Annotated[str | None, Query(max_length=2048)] = None,
        is_test: Annotated[bool, Query(alias="test", description="What partners try out, instead of what is")] = False,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[ThreatView]:
        """All, or those of a state, an incident or an asset. `quiet`: not seen for a month while its feed reports."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            threats = await handlers.threats_page(
                tx,
                state=state,
                incident=incident,
                asset=asset,
                is_test=is_test,
                after=after,
                limit=limit,
            )
            feeds = await handlers.feeds_behind(tx, threats, rules=rules.current, now=database.now())
        following = encode_cursor(threats[limit - 1].threat_id) if len(threats) > limit else None
        return Page(items=[threat_view(each, feeds.get(each.threat_id)) for each in threats[:limit]], next=following)

    @router.get("/{threat_id}")
    async def read_threat(threat_id: UUID) -> ThreatWithSightings:
        """One threat, with the indicators that said so."""
        async with database.transaction() as tx:
            threat, sightings = await handlers.threat_with_sightings(tx, threat_id)
            feeds = await handlers.feeds_behind(tx, [threat], rules=rules.current, now=database.now())
        indicators = [verdict_view(judgement) for judgement in sightings]
        view = threat_view(threat, feeds.get(threat_id))
        return ThreatWithSightings(**view.model_dump(), indicators=indicators)

    return router
