"""`/v1/indicators`: the verdict on one indicator, with all its reasons."""

from uuid import UUID

from fastapi import APIRouter, Depends

from libs.common.db import Database
from libs.common.security import Role, operator
from services.verifier import handlers
from services.verifier.api.views import VerdictView, verdict_view


def routes(database: Database) -> APIRouter:
    router = APIRouter(
        prefix="/v1/indicators", tags=["indicators"], dependencies=[Depends(operator(at_least=Role.VIEWER))]
    )

    @router.get("/{indicator_id}")
    async def read_verdict(indicator_id: UUID) -> VerdictView:
        """What was decided of one record, and every check that had a say."""
        async with database.transaction() as tx:
            return verdict_view(await handlers.verdict_of(tx, indicator_id))

    return router
