"""The events between the services: one module for each service that produces them."""

from libs.common.contracts.attribution import (
    HAND_OVER,
    AssetRegistered,
    ClaimToConfirm,
    Continued,
    Copy,
    Encryption,
    Evidence,
    HandOver,
    Recipient,
    RecipientsExhausted,
    TargetAttributed,
    address_of,
    is_team,
)
from libs.common.contracts.event import TOPICS, Event
from libs.common.contracts.feedback import FeedbackReceived, MailReturned
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
from libs.common.contracts.notifier import NotificationSent, NotifiedTarget, RecipientUnreachable
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
    "ClaimToConfirm",
    "Continued",
    "Copy",
    "DigestDue",
    "DigestFormat",
    "DigestReason",
    "DigestSubmission",
    "DigestTrouble",
    "Encryption",
    "Event",
    "Evidence",
    "FeedbackReceived",
    "HandOver",
    "IncidentChanged",
    "Indicator",
    "IndicatorSettled",
    "ListedOperator",
    "MailReturned",
    "NotificationSent",
    "NotifiedTarget",
    "Product",
    "RawIndicator",
    "Recipient",
    "RecipientUnreachable",
    "RecipientsExhausted",
    "Reopened",
    "TargetAttributed",
    "ThreatVerified",
    "ThreatWithdrawn",
    "address_of",
    "is_team",
]
