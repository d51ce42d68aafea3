"""The tables of this service's own database."""

from services.attribution.store.tables import attributions, enquiries, organisations, self_registrations, sources
from services.attribution.store.tables.base import metadata
from services.attribution.store.tables.organisations import directory_version, organisation

__all__ = [
    "attributions",
    "directory_version",
    "enquiries",
    "metadata",
    "organisation",
    "organisations",
    "self_registrations",
    "sources",
]
