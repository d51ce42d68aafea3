"""What can happen to attribution, one function each: gather, decide, record."""

from services.attribution.handlers.directory import LiveDirectory
from services.attribution.handlers.dumps import Dump
from services.attribution.handlers.imports import Importer, ImportQueue
from services.attribution.handlers.lookups import LookupAnswer, look_up, look_up_all
from services.attribution.handlers.organisations import (
    Refusal,
    add_contact,
    add_organisation,
    change_organisation,
    register_asset,
    release_asset,
    remove_contact,
    remove_organisation,
)
from services.attribution.handlers.queries import (
    assets_page,
    attribution_of,
    contacts_page,
    import_run,
    organisation_of,
    organisations_page,
    unattributed_page,
)
from services.attribution.handlers.registrations import UntoldRegistrations
from services.attribution.handlers.threats import attribute_threats
from services.attribution.handlers.unattributed import decide_unattributed
from services.attribution.handlers.unreachable import attribute_unreachable

__all__ = [
    "Dump",
    "ImportQueue",
    "Importer",
    "LiveDirectory",
    "LookupAnswer",
    "Refusal",
    "UntoldRegistrations",
    "add_contact",
    "add_organisation",
    "assets_page",
    "attribute_threats",
    "attribute_unreachable",
    "attribution_of",
    "change_organisation",
    "contacts_page",
    "decide_unattributed",
    "import_run",
    "look_up",
    "look_up_all",
    "organisation_of",
    "organisations_page",
    "register_asset",
    "release_asset",
    "remove_contact",
    "remove_organisation",
    "unattributed_page",
]
