"""What can happen to the verifier, one function each: gather, decide, record."""

from services.verifier.handlers.countries import country_editions, import_countries
from services.verifier.handlers.exploitation import editions, import_list
from services.verifier.handlers.false_positives import (
    Reach,
    forget_false_positive,
    reach_of,
    reach_of_entry,
    remember_false_positive,
)
from services.verifier.handlers.feedback import weigh_feedback
from services.verifier.handlers.in_force import RulesInForce, load_rules
from services.verifier.handlers.incidents import (
    add_incident,
    approve_incident,
    change_incident,
    drop_proposal,
    ship_incidents,
)
from services.verifier.handlers.life import ThreatUpkeep, age_threats, note_warnings, remediation
from services.verifier.handlers.merging import merge_incident, split_incident
from services.verifier.handlers.queries import (
    decisions_on,
    false_positives_page,
    feeds_behind,
    held_groups,
    held_page,
    incident_called,
    incident_with_evidence,
    incidents_page,
    threat_with_sightings,
    threats_page,
    verdict_of,
)
from services.verifier.handlers.registered import take_up_registrations
from services.verifier.handlers.releasing import Releasing, release_some
from services.verifier.handlers.review import Said, review_indicators, review_matching
from services.verifier.handlers.rules import put_rule_file, read_products, rule_file_in_force, rule_files_page
from services.verifier.handlers.undoing import Undoing, undo_all_decided_with, undo_review
from services.verifier.handlers.upkeep import IncidentUpkeep
from services.verifier.handlers.verify import verify_indicators
from services.verifier.handlers.what_if import Answer, Place, Question, WhatIf
from services.verifier.handlers.withdrawing import correct_false_positive
from services.verifier.store import HeldFilter, RuleFile

__all__ = [
    "Answer",
    "HeldFilter",
    "IncidentUpkeep",
    "Place",
    "Question",
    "Reach",
    "Releasing",
    "RuleFile",
    "RulesInForce",
    "Said",
    "ThreatUpkeep",
    "Undoing",
    "WhatIf",
    "add_incident",
    "age_threats",
    "approve_incident",
    "change_incident",
    "correct_false_positive",
    "country_editions",
    "decisions_on",
    "drop_proposal",
    "editions",
    "false_positives_page",
    "feeds_behind",
    "forget_false_positive",
    "held_groups",
    "held_page",
    "import_countries",
    "import_list",
    "incident_called",
    "incident_with_evidence",
    "incidents_page",
    "load_rules",
    "merge_incident",
    "note_warnings",
    "put_rule_file",
    "reach_of",
    "reach_of_entry",
    "read_products",
    "release_some",
    "remediation",
    "remember_false_positive",
    "review_indicators",
    "review_matching",
    "rule_file_in_force",
    "rule_files_page",
    "ship_incidents",
    "split_incident",
    "take_up_registrations",
    "threat_with_sightings",
    "threats_page",
    "undo_all_decided_with",
    "undo_review",
    "verdict_of",
    "verify_indicators",
    "weigh_feedback",
]
