"""The events between the services: one module for each service that produces them."""

from libs.common.contracts.attribution import (
    HAND_OVER,
    AssetRegistered,
    Evidence,
    HandOver,
    Recipient,
    TargetAttributed,
    address_of,
    is_team,
)
from libs.common.contracts.event import TOPICS, Event
from libs.common.contracts.feedback import FeedbackReceived
from libs.common.contracts.intake import (
    Asset,
    DigestDue,
    DigestFormat,
    DigestReason,
    DigestSubmission,
    DigestTrouble,
    Indicator,
    Product,
    RawIndicator,
)
from libs.common.contracts.notifier import NotificationSent, NotifiedTarget
from libs.common.contracts.outcome import IndicatorSettled
from libs.common.contracts.verifier import (
    Advisory,
    IncidentChanged,
    ListedOperator,
    Reopened,
    ThreatVerified,
    ThreatWithdrawn,
)

__all__ = [
    "HAND_OVER",
    "TOPICS",
    "Advisory",
    "Asset",
    "AssetRegistered",
    "DigestDue",
    "DigestFormat",
    "DigestReason",
    "DigestSubmission",
    "DigestTrouble",
    "Event",
    "Evidence",
    "FeedbackReceived",
    "HandOver",
    "IncidentChanged",
    "Indicator",
    "IndicatorSettled",
    "ListedOperator",
    "NotificationSent",
    "NotifiedTarget",
    "Product",
    "RawIndicator",
    "Recipient",
    "Reopened",
    "TargetAttributed",
    "ThreatVerified",
    "ThreatWithdrawn",
    "address_of",
    "is_team",
]
