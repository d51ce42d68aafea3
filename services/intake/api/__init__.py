"""HTTP edge of intake: models, status codes, and who may; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from services.intake.api import formats, partners, receipts, reconciliation, submissions
from services.intake.api.doors import Doors
from services.intake.handlers.means import Means
from services.intake.handlers.upkeep import Pressure


def routers(means: Means, doors: Doors, pressure: Pressure) -> Sequence[APIRouter]:
    return (
        submissions.routes(means, doors, pressure),
        receipts.routes(means, doors),
        formats.routes(),
        partners.routes(means.database),
        reconciliation.routes(means.database),
    )
