"""Edges of intake, HTTP and LMTP: models, status codes, and who may; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from services.intake.api import (
    digests,
    feeds,
    formats,
    keys,
    partners,
    receipts,
    reconciliation,
    submissions,
    webhooks,
)
from services.intake.api.doors import Doors
from services.intake.api.taxii.routes import routes as taxii_routes
from services.intake.handlers.digests import Office as DigestOffice
from services.intake.handlers.means import Means
from services.intake.handlers.webhooks import Office


def routers(
    means: Means, doors: Doors, office: Office, digest_office: DigestOffice, *, mail_domain: str
) -> Sequence[APIRouter]:
    return (
        submissions.routes(means, doors),
        receipts.routes(means, doors),
        formats.routes(),
        feeds.routes(means.database, doors),
        partners.routes(digest_office, doors),
        keys.routes(means.database, doors, mail_domain=mail_domain),
        webhooks.routes(office, doors),
        digests.routes(digest_office, doors),
        reconciliation.routes(means.database),
        taxii_routes(means, doors),
    )
