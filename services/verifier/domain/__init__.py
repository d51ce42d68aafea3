"""What the verifier knows and how it decides: checks, verdicts, incidents, and nothing that touches the world."""

from services.verifier.domain.asset_index import AssetIndex
from services.verifier.domain.catalogue import Catalogue, Incident, Matches
from services.verifier.domain.judgement import judge_all, release, settle_review
from services.verifier.domain.life import FeedStanding, FeedState, feed_standing, state_after_silence
from services.verifier.domain.remediation import Remediation
from services.verifier.domain.reports import (
    Feed,
    Report,
    TrackRecord,
    called_wrong,
    feeds_of,
    last_reported_at,
    reports_of,
)
from services.verifier.domain.rules import Rules, rules_version
from services.verifier.domain.values import (
    NOT_SEEN_AGAIN,
    CheckResult,
    FalsePositive,
    HeldSighting,
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
    "NOT_SEEN_AGAIN",
    "AssetIndex",
    "Catalogue",
    "CheckResult",
    "FalsePositive",
    "Feed",
    "FeedStanding",
    "FeedState",
    "HeldSighting",
    "History",
    "Incident",
    "Judgement",
    "Matches",
    "Reason",
    "Remediation",
    "Report",
    "Rules",
    "StoredFalsePositive",
    "Threat",
    "ThreatState",
    "TrackRecord",
    "Verdict",
    "called_wrong",
    "feed_standing",
    "feeds_of",
    "judge_all",
    "last_reported_at",
    "parse_vital_assets",
    "release",
    "reports_of",
    "rules_version",
    "settle_review",
    "state_after_silence",
    "threat_id_of",
]
