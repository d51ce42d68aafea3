"""HTTP edge of attribution: models and status codes; the deciding is done elsewhere."""

from collections.abc import Sequence

from fastapi import APIRouter

from libs.common.db import Database
from services.attribution.api import attributions, imports, lookup, organisations, registrations, unattributed
from services.attribution.api.imports import STREAMING_PATHS
from services.attribution.domain.ladder import Ladder
from services.attribution.handlers import ImportQueue, LiveDirectory

__all__ = ["STREAMING_PATHS", "routers"]


def routers(
    database: Database,
    directory: LiveDirectory,
    queue: ImportQueue,
    *,
    ladder: Ladder,
    max_import_bytes: int,
) -> Sequence[APIRouter]:
    return (
        lookup.routes(database, directory, ladder=ladder),
        attributions.routes(database),
        organisations.routes(database),
        registrations.routes(database),
        unattributed.routes(database, ladder=ladder),
        imports.routes(database, queue, max_import_bytes=max_import_bytes),
    )
