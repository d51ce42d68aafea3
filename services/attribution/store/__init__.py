"""Tables and queries of attribution, in batches. Nothing here commits."""

from services.attribution.store import (
    assets,
    attributions,
    books,
    changes,
    conflicts,
    contacts,
    directory,
    enquiries,
    imports,
    learnt,
    merges,
    neighbours,
    organisation_files,
    organisations,
    registrations,
    sources,
)
from services.attribution.store.tables import metadata

__all__ = [
    "assets",
    "attributions",
    "books",
    "changes",
    "conflicts",
    "contacts",
    "directory",
    "enquiries",
    "imports",
    "learnt",
    "merges",
    "metadata",
    "neighbours",
    "organisation_files",
    "organisations",
    "registrations",
    "sources",
]
