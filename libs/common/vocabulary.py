"""The closed lists of the project's words, as they appear in JSON, in columns and on pages."""

from enum import IntEnum, StrEnum

from libs.common.languages import Language as Language


class Severity(StrEnum):
    """How bad it is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST)."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"


class Transport(StrEnum):
    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"
    ICMP = "icmp"


class Reliability(StrEnum):
    """How much a partner is to be believed: the letter of the Admiralty scale."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


class Credibility(IntEnum):
    """How much a single piece of information is to be believed: the number of the Admiralty scale."""

    CONFIRMED = 1
    PROBABLE = 2
    POSSIBLE = 3
    DOUBTFUL = 4
    IMPROBABLE = 5
    UNKNOWN = 6


class Outcome(StrEnum):
    """Where an accepted record ended; `pending` until then. Only `held` may still change, when a person decides."""

    PENDING = "pending"
    DUPLICATE = "duplicate"
    REFUTED = "refuted"
    EXPIRED = "expired"
    OUT_OF_SCOPE = "out-of-scope"
    HELD = "held"
    UNATTRIBUTABLE = "unattributable"
    SUPPRESSED = "suppressed"
    NOTIFIED = "notified"
    FAILED = "failed"


class DigestCadence(StrEnum):
    """How often a partner is mailed what became of its records."""

    NONE = "none"
    DAILY = "daily"
    WEEKLY = "weekly"


class RecipientKind(StrEnum):
    """Whom we write."""

    ORGANISATION = "organisation"
    NETWORK_OWNER = "network-owner"
    NATIONAL_CERT = "national-cert"


REVIEW_UNDONE = "review-undone"
"""The reason that a person has taken back what was decided: a record is held again, or its threat is withdrawn."""


class NotificationKind(StrEnum):
    """What a mail does: it warns, or it takes back what an earlier one said."""

    WARNING = "warning"
    CORRECTION = "correction"


class IncidentState(StrEnum):
    """Life of an incident: only an approved one lets mail leave."""

    DRAFT = "draft"
    APPROVED = "approved"
    PAUSED = "paused"
    CLOSED = "closed"


class FeedbackKind(StrEnum):
    """What comes back; `rating` alone is anonymous."""

    RATING = "rating"
    FIXED = "fixed"
    NOT_OURS = "not-ours"
    FALSE_POSITIVE = "false-positive"
    QUESTION = "question"
    OPT_OUT = "opt-out"


class ReturnKind(StrEnum):
    """What a mail that came back is. Only a `bounce` says that ours did not arrive; a `reply` is a person's."""

    BOUNCE = "bounce"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    AUTO_REPLY = "auto-reply"
    TICKET = "ticket"
    LOOP = "loop"
    REPLY = "reply"
    OTHER = "other"


class Permanence(StrEnum):
    """What a bounce says of the address. A refusal by `policy` is about us, and says nothing of it."""

    PERMANENT = "permanent"
    MAILBOX_FULL = "mailbox-full"
    TEMPORARY = "temporary"
    POLICY = "policy"


class Trust(StrEnum):
    """How we know which of our mails another one is about, surest first. Anybody can write a bounce."""

    TOKEN = "token"  # noqa: S105 - a word
    MESSAGE_ID = "message-id"
    REFERENCE = "reference"
    NONE = "none"


class AssetKind(StrEnum):
    """What an organisation can register as its own."""

    IP_RANGE = "ip-range"
    DOMAIN = "domain"
    ASN = "asn"


class ClaimState(StrEnum):
    """How far it is with an asset that an organisation has registered by itself, as it is told."""

    RECORD_WANTED = "record-wanted"
    """A TXT record in its DNS proves it."""

    CONTACT_ASKED = "contact-asked"
    """The registry's contact was mailed a code."""

    NO_CONTACT = "no-contact"
    """The registry has nobody who could be asked: a person of the desk has to look."""

    PROVEN = "proven"
    CONTESTED = "contested"
    """Somebody else has claimed it too: a person of the desk decides."""

    REFUSED = "refused"
    """The registry's contact, or the desk, has said that it is not theirs."""

    LAPSED = "lapsed"
    """It was not proven in time, or not again."""
