"""Tables and queries of attribution, in batches. Nothing here commits."""

from services.attribution.store import (
    attributions,
    books,
    continuations,
    directory,
    imports,
    organisation_files,
    organisations,
    registrations,
)
from services.attribution.store.tables import metadata

__all__ = [
    "attributions",
    "books",
    "continuations",
    "directory",
    "imports",
    "metadata",
    "organisation_files",
    "organisations",
    "registrations",
]
