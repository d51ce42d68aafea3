"""Tables and queries of attribution, in batches. Nothing here commits."""

from services.attribution.store import (
    assets,
    attributions,
    books,
    changes,
    conflicts,
    contact_proofs,
    contacts,
    continuations,
    directory,
    enquiries,
    imports,
    learnt,
    merges,
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
    "contact_proofs",
    "contacts",
    "continuations",
    "directory",
    "enquiries",
    "imports",
    "learnt",
    "merges",
    "metadata",
    "organisation_files",
    "organisations",
    "registrations",
    "sources",
]
