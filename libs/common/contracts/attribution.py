"""What attribution says: whom a threat hits, and how it knows."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts.event import Event, topic
from libs.common.contracts.intake import Indicator
from libs.common.contracts.verifier import Reopened
from libs.common.ids import derived_id, sibling_id
from libs.common.vocabulary import AssetKind, ClaimState, Language, RecipientKind, Severity


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


class Registration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That an asset counts as an organisation's: `asset` is the key of its `AssetRegistered`.

    `revision` is that of the newest word on any asset that was known then.
    """

    asset: str
    revision: int


def registration_key(organisation_id: UUID, kind: AssetKind, value: str) -> str:
    """By which the words on an organisation's asset are known."""
    return f"{organisation_id} {kind} {value}"


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of an attribution: who was asked what, what it answered, and how much that counts (0.0-1.0).

    One that `leads_elsewhere` speaks of somebody else than the recipient. It stays with attribution: no event has one.
    What `rests_on` a registration holds as long as that does.
    """

    source: str
    asked: str
    answered: str
    at: datetime
    confidence: float
    leads_elsewhere: bool = False
    rests_on: Registration | None = None


class HandOver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a target goes to a national or sector team, and whom it concerns, as far as that is known and may be told.

    `reason` is a code: `vital-organisation`, `sector`, `foreign-network`, `also-warned` (the organisation is warned by
    us as well). One that a reader does not know is shown as it is.
    """

    reason: str
    organisation: str = ""


class Continued(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a target goes on from, because its recipient could not be reached.

    `target_id` is the first target of its indicator, `notification_id` the mail that did not arrive, `failed` the
    addresses that were tried, in this order. With `is_settled` the record's outcome has been said already.

    With `is_anew` the recipient before can't prove any more that the asset is its own: the target was taken out of that
    mail, and this one has nothing in common with it.
    """

    target_id: UUID
    notification_id: UUID
    reference: str
    failed: tuple[str, ...]
    is_settled: bool
    is_anew: bool = False


class Copy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A team that hears of a target as well."""

    recipient: Recipient
    handed_over: HandOver


@topic("attributed-target")
class TargetAttributed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="target-attributed.v1"):
    """A threat with its recipient. One for each indicator that was not a duplicate.

    Another one, which says what it has `continued`, for each further contact after a recipient could not be reached.

    Of a test the recipient is the partner itself, and neither the evidence nor `handed_over` says who was found.
    `copies` go to teams beside the recipient. Kept by itself, a copy says of which target it is one (`copy_of`); it
    never travels so, and has no outcome.
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
    continued: Continued | None = None
    copies: tuple[Copy, ...] = ()
    copy_of: UUID | None = None

    @property
    def key(self) -> str:
        return self.recipient.key

    @property
    def event_id(self) -> UUID:
        if self.continued is not None:
            return derived_id("target-attributed", self.target_id)
        return sibling_id(self.indicator_id, "target-attributed")


@topic("recipients-exhausted")
class RecipientsExhausted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="recipients-exhausted.v1"):
    """Nobody is left to tell about the asset of a target, past those that were tried. `evidence` says why.

    `asked_again` is that of the question.
    """

    target_id: UUID
    asset: str
    at: datetime
    evidence: tuple[Evidence, ...] = ()
    asked_again: int = 0

    @property
    def key(self) -> str:
        return self.asset

    @property
    def event_id(self) -> UUID:
        return derived_id("recipients-exhausted", self.target_id, self.at)


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
        return registration_key(self.organisation_id, self.kind, self.value)

    @property
    def event_id(self) -> UUID:
        return derived_id("asset-registered", self.organisation_id, self.kind, self.value, self.revision)


@topic("claim-to-confirm")
class ClaimToConfirm(Event, frozen=True, kw_only=True, omit_defaults=True, tag="claim-to-confirm.v1"):
    """An organisation says that an asset is its own: to be mailed to the contact that a registry has for the asset.

    `code` proves the claim, so this event is a secret until `expires_at`. `source` says where the contact is from:
    `ripe`, `rdap-domain`, `rdap-network`, `role-mailbox`. `url` is a page where the contact can answer, if any.
    """

    request_id: UUID
    organisation: str
    kind: AssetKind
    value: str
    email: str
    language: Language
    source: str
    code: str
    asked_at: datetime
    expires_at: datetime
    url: str = ""

    @property
    def key(self) -> str:
        return self.email.lower()

    @property
    def event_id(self) -> UUID:
        return self.request_id


class FollowedAsset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the proof of one registered asset is.

    `record_name` and `record_value` are the TXT record that proves it, `contact` is the registry's contact who was
    asked, so far as its owner may know it, and `until` is when this state ends.
    """

    kind: AssetKind
    value: str
    state: ClaimState
    record_name: str = ""
    record_value: str = ""
    contact: str = ""
    until: datetime | None = None


@topic("registration-followed")
class RegistrationFollowed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="registration-followed.v1"):
    """How far everything is that an organisation has registered by itself, each time that changes.

    The one with the greatest `revision` counts. `news` are those of the assets that its contact is to be mailed about;
    without any there is nothing to mail. `answers` is the revision of the registration that this follows.
    """

    registration_id: UUID
    revision: int
    answers: int
    organisation_id: UUID
    organisation: str
    email: str
    language: Language
    assets: tuple[FollowedAsset, ...]
    at: datetime
    news: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return str(self.registration_id)

    @property
    def event_id(self) -> UUID:
        return derived_id("registration-followed", self.registration_id, self.revision)
