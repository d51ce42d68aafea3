"""HTTP edge of attribution: models and status codes; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from libs.common.db import Database
from services.attribution.api import (
    assets,
    attributions,
    claim_pages,
    conflicts,
    contact_proofs,
    contacts,
    enquiries,
    imports,
    learnt,
    lookup,
    merging,
    organisations,
    sources,
    unattributed,
)
from services.attribution.api.assets import Prove
from services.attribution.api.claim_pages import ClaimPages
from services.attribution.api.contact_proofs import AskContact
from services.attribution.api.imports import STREAMING_PATHS
from services.attribution.domain.sources import Ages
from services.attribution.handlers import Decider, ImportQueue, Verifier

__all__ = ["STREAMING_PATHS", "routers"]


def routers(
    database: Database,
    decider: Decider,
    queue: ImportQueue,
    *,
    max_import_bytes: int,
    ages: Ages,
    prove: Prove,
    ask_contact: AskContact,
    verifier: Verifier | None,
    pages: ClaimPages,
) -> Sequence[APIRouter]:
    return (
        lookup.routes(database, decider, verifier),
        attributions.routes(database),
        merging.routes(database),
        organisations.routes(database),
        assets.routes(database, prove),
        contact_proofs.routes(database, ask_contact),
        claim_pages.routes(database, pages),
        contacts.routes(database),
        conflicts.routes(database),
        unattributed.routes(database, decider),
        enquiries.routes(database),
        learnt.routes(database),
        imports.routes(database, queue, max_import_bytes=max_import_bytes),
        sources.routes(database, ages=ages),
    )
