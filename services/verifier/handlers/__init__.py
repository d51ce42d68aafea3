"""What can happen to the verifier, one function each: gather, decide, record."""

from services.verifier.handlers.exploitation import editions, import_list
from services.verifier.handlers.feedback import forget_false_positive, remember_false_positive, weigh_feedback
from services.verifier.handlers.incidents import (
    RulesInForce,
    add_incident,
    approve_incident,
    change_incident,
    load_rules,
    ship_incidents,
)
from services.verifier.handlers.merging import merge_incident, split_incident
from services.verifier.handlers.queries import (
    false_positives_page,
    held_page,
    incident_called,
    incident_with_evidence,
    incidents_page,
    threat_with_sightings,
    threats_page,
    verdict_of,
)
from services.verifier.handlers.review import Decision, review_indicators, review_matching
from services.verifier.handlers.upkeep import Upkeep
from services.verifier.handlers.verify import verify_indicators

__all__ = [
    "Decision",
    "RulesInForce",
    "Upkeep",
    "add_incident",
    "approve_incident",
    "change_incident",
    "editions",
    "false_positives_page",
    "forget_false_positive",
    "held_page",
    "import_list",
    "incident_called",
    "incident_with_evidence",
    "incidents_page",
    "load_rules",
    "merge_incident",
    "remember_false_positive",
    "review_indicators",
    "review_matching",
    "ship_incidents",
    "split_incident",
    "threat_with_sightings",
    "threats_page",
    "verdict_of",
    "verify_indicators",
    "weigh_feedback",
]
