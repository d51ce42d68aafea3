"""What can happen to the verifier, one function each: gather, decide, record."""

from services.verifier.handlers.feedback import weigh_feedback
from services.verifier.handlers.incidents import (
    RulesInForce,
    add_incident,
    approve_incident,
    change_incident,
    load_rules,
    ship_incidents,
)
from services.verifier.handlers.review import Decision, review_indicators
from services.verifier.handlers.verify import verify_indicators

__all__ = [
    "Decision",
    "RulesInForce",
    "add_incident",
    "approve_incident",
    "change_incident",
    "load_rules",
    "review_indicators",
    "ship_incidents",
    "verify_indicators",
    "weigh_feedback",
]
