"""HTTP edge of attribution: models and status codes; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from libs.common.db import Database
from services.attribution.api import (
    assets,
    attributions,
    conflicts,
    contacts,
    imports,
    lookup,
    merging,
    organisations,
    unattributed,
)
from services.attribution.api.assets import Prove
from services.attribution.api.imports import STREAMING_PATHS
from services.attribution.handlers import ImportQueue, LiveDirectory

__all__ = ["STREAMING_PATHS", "routers"]


def routers(
    database: Database,
    directory: LiveDirectory,
    queue: ImportQueue,
    *,
    constituency: frozenset[str],
    max_import_bytes: int,
    prove: Prove,
) -> Sequence[APIRouter]:
    return (
        lookup.routes(database, directory, constituency=constituency),
        attributions.routes(database),
        merging.routes(database),
        organisations.routes(database),
        assets.routes(database, prove),
        contacts.routes(database),
        conflicts.routes(database),
        unattributed.routes(database),
        imports.routes(database, queue, max_import_bytes=max_import_bytes),
    )
