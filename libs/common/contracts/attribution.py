"""What attribution says: whom a threat hits, and how it knows."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts.event import Event, topic
from libs.common.contracts.intake import Indicator
from libs.common.contracts.verifier import Reopened
from libs.common.ids import derived_id, sibling_id
from libs.common.vocabulary import AssetKind, Language, RecipientKind, Severity


class Encryption(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """With what a recipient reads mail that nobody else can: its OpenPGP key in armour, its S/MIME certificate in PEM.

    Where it `is_required`, it takes no mail that is not encrypted. The keys are read by whoever uses them.
    """

    pgp_key: str = ""
    smime_certificate: str = ""
    is_required: bool = False


class Recipient(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom we write. `email` is canonical (A-label domain); two recipients with one address are one recipient.

    With `test_of` it is that partner itself, which tries something out: in place of somebody of this kind who reads
    this language, of whom nothing else is said here. It is nobody's recipient but that partner's.

    A `national-cert` is a national or sector team: what it gets is handed over to it, and is no warning to itself.
    """

    kind: RecipientKind
    name: str
    email: str
    language: Language
    organisation_id: UUID | None = None
    test_of: str | None = None
    encryption: Encryption | None = None

    @property
    def key(self) -> str:
        """Of a test, and of a hand-over, it is another than of any warning: a team's address can be the desk of its own
        network as well. `address_of` gives the address back.
        """
        address = self.email.lower()
        if self.test_of:
            return f"test:{self.test_of}:{self.kind}:{self.language}:{address}"
        return f"{HAND_OVER}{address}" if self.kind is RecipientKind.NATIONAL_CERT else address


HAND_OVER = f"{RecipientKind.NATIONAL_CERT}:"
"""What the key of a team begins with."""


def address_of(recipient_key: str) -> str:
    """The address in a recipient's key. None of ours has a colon in it."""
    return recipient_key.rpartition(":")[2]


def is_team(recipient_key: str) -> bool:
    """Whether this is the key of a national or sector team, in earnest."""
    return recipient_key.startswith(HAND_OVER)


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of an attribution: who was asked what, what it answered, and how much that counts (0.0-1.0).

    One that `leads_elsewhere` speaks of somebody else than the recipient. It stays with attribution: no event has one.
    """

    source: str
    asked: str
    answered: str
    at: datetime
    confidence: float
    leads_elsewhere: bool = False


class HandOver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a target goes to a national or sector team, and whom it concerns, as far as that is known and may be told.

    `reason` is a code: `vital-organisation`, `sector`, `foreign-network`. One that a reader does not know is
    shown as it is.
    """

    reason: str
    organisation: str = ""


@topic("attributed-target")
class TargetAttributed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="target-attributed.v1"):
    """A threat with its recipient. One for each indicator that was not a duplicate.

    Of a test the recipient is the partner itself, and neither the evidence nor `handed_over` says who was found.
    """

    target_id: UUID
    threat_id: UUID
    indicator_id: UUID
    submission_id: UUID
    record: int
    partner: str
    received_at: datetime
    indicator: Indicator
    incident: str
    severity: Severity
    grade: str
    first_seen_at: datetime
    recipient: Recipient
    confidence: float
    evidence: tuple[Evidence, ...]
    reopened: Reopened | None = None
    handed_over: HandOver | None = None

    @property
    def key(self) -> str:
        return self.recipient.key

    @property
    def event_id(self) -> UUID:
        return sibling_id(self.indicator_id, "target-attributed")


@topic("asset-registered")
class AssetRegistered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="asset-registered.v1"):
    """An organisation has registered an asset with us, or taken it back (`is_registered` false).

    The topic is compacted, so the last word on each asset of each organisation is always there; of several the one
    with the greatest `revision`. `value` is canonical. Nothing says who the organisation is.
    """

    organisation_id: UUID
    kind: AssetKind
    value: str
    is_registered: bool
    revision: int
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.organisation_id} {self.kind} {self.value}"

    @property
    def event_id(self) -> UUID:
        return derived_id("asset-registered", self.organisation_id, self.kind, self.value, self.revision)
