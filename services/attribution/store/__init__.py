"""Tables and queries of attribution, in batches. Nothing here commits."""

from services.attribution.store import (
    attributions,
    books,
    directory,
    imports,
    organisation_files,
    organisations,
    registrations,
    sources,
)
from services.attribution.store.tables import metadata

__all__ = [
    "attributions",
    "books",
    "directory",
    "imports",
    "metadata",
    "organisation_files",
    "organisations",
    "registrations",
    "sources",
]
