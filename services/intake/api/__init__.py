"""HTTP edge of intake: models, status codes, and who may; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from services.intake.api import formats, partners, receipts, reconciliation, submissions, webhooks
from services.intake.api.doors import Doors
from services.intake.handlers.means import Means
from services.intake.handlers.webhooks import Office


def routers(means: Means, doors: Doors, office: Office) -> Sequence[APIRouter]:
    return (
        submissions.routes(means, doors),
        receipts.routes(means, doors),
        formats.routes(),
        partners.routes(means.database),
        webhooks.routes(office, doors),
        reconciliation.routes(means.database),
    )
