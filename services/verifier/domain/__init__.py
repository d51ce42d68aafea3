"""What the verifier knows and how it decides: checks, verdicts, incidents, and nothing that touches the world."""

from services.verifier.domain.asset_index import AssetIndex
from services.verifier.domain.catalogue import Catalogue, Incident, Matches
from services.verifier.domain.judgement import judge_all, settle_review
from services.verifier.domain.rules import Rules, rules_version
from services.verifier.domain.values import (
    CheckResult,
    FalsePositive,
    History,
    Judgement,
    Reason,
    StoredFalsePositive,
    Threat,
    ThreatState,
    Verdict,
    threat_id_of,
)
from services.verifier.domain.vital import parse_vital_assets

__all__ = [
    "AssetIndex",
    "Catalogue",
    "CheckResult",
    "FalsePositive",
    "History",
    "Incident",
    "Judgement",
    "Matches",
    "Reason",
    "Rules",
    "StoredFalsePositive",
    "Threat",
    "ThreatState",
    "Verdict",
    "judge_all",
    "parse_vital_assets",
    "rules_version",
    "settle_review",
    "threat_id_of",
]
