"""Tables and queries of attribution, in batches. Nothing here commits."""

from services.attribution.store import (
    attributions,
    books,
    directory,
    enquiries,
    imports,
    learnt,
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
    "enquiries",
    "imports",
    "learnt",
    "metadata",
    "organisation_files",
    "organisations",
    "registrations",
    "sources",
]
