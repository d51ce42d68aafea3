"""What can happen to attribution, one function each: gather, decide, record."""

from services.attribution.handlers.deciding import Decider, decide_all
from services.attribution.handlers.directory import LiveDirectory
from services.attribution.handlers.dumps import Dump
from services.attribution.handlers.enquiries import Enquirer, Outside
from services.attribution.handlers.import_queue import ImportQueue, Upload, WorkApart
from services.attribution.handlers.imports import Importer
from services.attribution.handlers.ladders import ladder_of, shipped_ladder
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
    imports_page,
    lessons_page,
    open_enquiries_page,
    organisation_of,
    organisations_page,
    source_states,
    unattributed_page,
)
from services.attribution.handlers.registrations import UntoldRegistrations
from services.attribution.handlers.sources.reading import end_with_parent
from services.attribution.handlers.threats import attribute_threats
from services.attribution.handlers.unattributed import Word, decide_unattributed, forget

__all__ = [
    "Decider",
    "Dump",
    "Enquirer",
    "ImportQueue",
    "Importer",
    "LiveDirectory",
    "LookupAnswer",
    "Outside",
    "Refusal",
    "UntoldRegistrations",
    "Upload",
    "Word",
    "WorkApart",
    "add_contact",
    "add_organisation",
    "assets_page",
    "attribute_threats",
    "attribution_of",
    "change_organisation",
    "contacts_page",
    "decide_all",
    "decide_unattributed",
    "end_with_parent",
    "forget",
    "import_run",
    "imports_page",
    "ladder_of",
    "lessons_page",
    "look_up",
    "look_up_all",
    "open_enquiries_page",
    "organisation_of",
    "organisations_page",
    "register_asset",
    "release_asset",
    "remove_contact",
    "remove_organisation",
    "shipped_ladder",
    "source_states",
    "unattributed_page",
]
