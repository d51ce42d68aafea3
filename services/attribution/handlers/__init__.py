"""What can happen to attribution, one function each: gather, decide, record."""

from services.attribution.gateway.verifier import Verifier
from services.attribution.handlers.assets import (
    challenge_asset,
    prove_by_dns,
    register_asset,
    release_asset,
    revoke_proof,
    vouch_for_asset,
)
from services.attribution.handlers.conflicts import Sides, conflicts_page, decide_conflict
from services.attribution.handlers.contact_proofs import (
    answer_at,
    ask_contact,
    confirm_claim,
    contact_proofs_of,
    question_at,
    refuse_claim,
)
from services.attribution.handlers.contacts import Keys, add_contact, change_contact, remove_contact
from services.attribution.handlers.deciding import Decider, decide_all
from services.attribution.handlers.directory import LiveDirectory
from services.attribution.handlers.dumps import Dump
from services.attribution.handlers.enquiries import Enquirer, Outside
from services.attribution.handlers.import_queue import ImportQueue, Upload, WorkApart
from services.attribution.handlers.imports import Importer
from services.attribution.handlers.ladders import ladder_of, shipped_ladder
from services.attribution.handlers.lookups import LookupAnswer, look_up, look_up_all
from services.attribution.handlers.merging import Merge, likely_duplicates, merge_organisations
from services.attribution.handlers.organisation_files import export_organisations
from services.attribution.handlers.organisations import add_organisation, change_organisation, remove_organisation
from services.attribution.handlers.proofs import ProofRounds
from services.attribution.handlers.queries import (
    asset_of,
    assets_page,
    attribution_of,
    changes_page,
    contacts_page,
    import_run,
    imports_page,
    lessons_page,
    open_enquiries_page,
    organisation_of,
    organisations_page,
    proofs_page,
    source_states,
    unattributed_page,
)
from services.attribution.handlers.refusals import Refusal
from services.attribution.handlers.registrations import UntoldRegistrations
from services.attribution.handlers.registry_contacts import Registries
from services.attribution.handlers.self_registrations import SelfRegistrations, hear_registrations
from services.attribution.handlers.self_registrations.proving import Proving
from services.attribution.handlers.self_registrations.taking_up import Customs
from services.attribution.handlers.sources.reading import end_with_parent
from services.attribution.handlers.threats import attribute_threats
from services.attribution.handlers.unattributed import Word, decide_unattributed, forget
from services.attribution.handlers.unreachable import attribute_unreachable

__all__ = [
    "Customs",
    "Decider",
    "Dump",
    "Enquirer",
    "ImportQueue",
    "Importer",
    "Keys",
    "LiveDirectory",
    "LookupAnswer",
    "Merge",
    "Outside",
    "ProofRounds",
    "Proving",
    "Refusal",
    "Registries",
    "SelfRegistrations",
    "Sides",
    "UntoldRegistrations",
    "Upload",
    "Verifier",
    "Word",
    "WorkApart",
    "add_contact",
    "add_organisation",
    "answer_at",
    "ask_contact",
    "asset_of",
    "assets_page",
    "attribute_threats",
    "attribute_unreachable",
    "attribution_of",
    "challenge_asset",
    "change_contact",
    "change_organisation",
    "changes_page",
    "confirm_claim",
    "conflicts_page",
    "contact_proofs_of",
    "contacts_page",
    "decide_all",
    "decide_conflict",
    "decide_unattributed",
    "end_with_parent",
    "export_organisations",
    "forget",
    "hear_registrations",
    "import_run",
    "imports_page",
    "ladder_of",
    "lessons_page",
    "likely_duplicates",
    "look_up",
    "look_up_all",
    "merge_organisations",
    "open_enquiries_page",
    "organisation_of",
    "organisations_page",
    "proofs_page",
    "prove_by_dns",
    "question_at",
    "refuse_claim",
    "register_asset",
    "release_asset",
    "remove_contact",
    "remove_organisation",
    "revoke_proof",
    "shipped_ladder",
    "source_states",
    "unattributed_page",
    "vouch_for_asset",
]
