"""What an organisation registers by itself, what is done for each of its assets, and how far that is as it is told.

| what is kept of the asset | what its owner is told |
| --- | --- |
| nothing: it is no asset, or the desk has taken it away | refused |
| proven | proven, until then, with the record that has to stay; contested while a person has to decide |
| revoked, by the registry's contact or by the desk | refused |
| its proof was lost | lapsed |
| a challenge that can be answered still | record-wanted, with the record |
| a question to the registry's contact that is open | contact-asked |
| the registry was not asked yet | nothing yet |
| nobody could be asked, for now or for good | no-contact |
| none of these any more | lapsed |

That somebody else claims it is told of what is proven only: else anybody could ask us what others have registered.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.contracts import ClaimedAsset, FollowedAsset, RegistrationConfirmed
from libs.common.text import plain
from libs.common.vocabulary import AssetKind, ClaimState, Language
from services.attribution.domain.contact_proofs import ContactProof
from services.attribution.domain.organisations import AssetRecord, Criticality, OrganisationProfile
from services.attribution.domain.proofs import CHALLENGE_LASTS, Proof, ProofState, can_answer, is_looked_up, record_of

LONGEST_NAME = 200
BY = "self-registration"
"""In whose name an organisation's own registration changes what is kept of it."""

AT_FIRST = timedelta(hours=2)
"""So long a record is looked for as often as the settings say; most put it there at once, or never."""
LATER_LOOKS = (
    (timedelta(days=2), timedelta(hours=1)),
    (CHALLENGE_LASTS, timedelta(hours=6)),
)
"""After that: up to which age of a challenge its record is looked for, and how often."""

ASKED_AGAIN = timedelta(hours=1)
LONGEST_BETWEEN_TRIES = timedelta(days=1)
ASKED_FOR = timedelta(days=14)
PASSING = frozenset({"registry-away", "asked-too-often"})
"""Why nobody could be asked today, and somebody may be tomorrow."""

TRIES_BEFORE_NEWS = 4
"""A registry that was away so often, over most of a day, is news for the one who waits for it."""

FIRST_NEWS_WAIT = timedelta(minutes=2)
"""So long the first news waits for what is not known yet, or the same person gets two mails."""


class Step(StrEnum):
    """What is to be done next for an asset."""

    LOOK = "look"
    ASK = "ask"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One asset of a registration, and what is to be done for it next.

    `asset_id` is the claim that follows from it, which `is_own` if it was made for this registration; None where no
    claim was possible. `refusal` says why the registry's contact could not be asked the last time.
    """

    kind: AssetKind
    value: str
    asset_id: UUID | None = None
    is_own: bool = True
    step: Step | None = None
    due_at: datetime | None = None
    begun_at: datetime
    tries: int = 0
    refusal: str = ""

    @property
    def claimed(self) -> ClaimedAsset:
        return ClaimedAsset(kind=self.kind, value=self.value)

    @property
    def is_unknown(self) -> bool:
        return self.step is Step.ASK and not self.refusal

    @property
    def is_passing(self) -> bool:
        """May what is told of it be another thing tomorrow, without anybody doing anything?"""
        return self.step is Step.ASK and self.tries < TRIES_BEFORE_NEWS


class Told(msgspec.Struct, frozen=True):
    """What was told last. `mailed` has by value what its owner was mailed about it last."""

    answers: int = 0
    assets: tuple[FollowedAsset, ...] = ()
    mailed: Mapping[str, str] = {}


class SelfRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """A registration as it was heard last, and how far it is in place: `taken_up` is the revision that is.

    `told_revision` counts what was told of it.
    """

    registration_id: UUID
    revision: int
    organisation: str
    email: str
    language: Language
    kvk_number: str | None
    assets: tuple[ClaimedAsset, ...]
    is_withdrawn: bool
    taken_up: int = 0
    taken_up_at: datetime | None = None
    organisation_id: UUID | None = None
    contact_id: UUID | None = None
    told_revision: int = 0
    told: Told = Told()


class Work(msgspec.Struct, frozen=True):
    """What is still to be done to put a revision in place."""

    claimed: tuple[ClaimedAsset, ...]
    released: tuple[Wanted, ...]
    staying: tuple[Wanted, ...]


class News(msgspec.Struct, frozen=True):
    """What is told now, unless it `is_new` in nothing: `told` is kept, `values` are what its owner is mailed about."""

    told: Told
    values: tuple[str, ...]
    is_new: bool


def newest(events: Iterable[RegistrationConfirmed]) -> list[RegistrationConfirmed]:
    """Of each registration the last word, in the order of their ids, in which rows are locked."""
    found: dict[UUID, RegistrationConfirmed] = {}
    for event in events:
        known = found.get(event.registration_id)
        if known is None or event.revision > known.revision:
            found[event.registration_id] = event
    return [found[registration_id] for registration_id in sorted(found)]


def profile_of(registration: SelfRegistration, *, country: str) -> OrganisationProfile:
    """What it says of itself. Its number counts for nothing before a person has seen it, so it is not among this."""
    return OrganisationProfile(
        name=plain(registration.organisation, LONGEST_NAME),
        country=country,
        language=registration.language,
        criticality=Criticality.UNKNOWN,
    )


def work_for(registration: SelfRegistration, kept: Iterable[Wanted]) -> Work:
    """Compare what is registered with what is in place."""
    listed = () if registration.is_withdrawn else tuple(dict.fromkeys(_key(each) for each in registration.assets))
    known = {_key(each.claimed): each for each in kept}
    return Work(
        claimed=tuple(ClaimedAsset(kind=kind, value=value) for kind, value in listed if (kind, value) not in known),
        released=tuple(each for key, each in known.items() if key not in listed),
        staying=tuple(known[key] for key in listed if key in known),
    )


def is_to_begin_anew(wanted: Wanted, proof: Proof, question: ContactProof | None, *, now: datetime) -> bool:
    """Whoever registers once more wants to prove what was lost, or not proven in time. What was refused stays so, and
    who was asked and may still answer is not asked again.
    """
    if question is not None and question.is_open(now):
        return False
    if proof.state is ProofState.LAPSED:
        return True
    is_open = proof.state in (ProofState.CLAIMED, ProofState.CHALLENGED)
    return is_open and wanted.step is None and not can_answer(proof, now)


def first_step(kind: AssetKind, proof: Proof, *, sees_records: bool) -> Step | None:
    """A domain is proven by its record, where we look at the DNS; all else by the registry's contact."""
    if proof.is_proven:
        return None
    return Step.LOOK if sees_records and record_of(kind, "", "") is not None else Step.ASK


def looked(wanted: Wanted, proof: Proof | None, *, at_first: timedelta, now: datetime) -> Wanted:
    """A look has begun: when the next one is. None is, once it is proven, refused, or too late."""
    is_open = proof is not None and proof.state is ProofState.CHALLENGED and can_answer(proof, now)
    if not is_open:
        return msgspec.structs.replace(wanted, step=None, due_at=None)
    age = now - wanted.begun_at
    looks = ((AT_FIRST, at_first), *LATER_LOOKS)
    wait = next((pause for until, pause in looks if age < until), looks[-1][1])
    return msgspec.structs.replace(wanted, due_at=now + wait, tries=min(wanted.tries + 1, 10_000))


def asked(wanted: Wanted, refusal: str, *, now: datetime) -> Wanted:
    """The registry was asked. Where nobody could be asked for a passing reason, it is asked again, for two weeks."""
    tries = wanted.tries + 1
    again = now + min(LONGEST_BETWEEN_TRIES, ASKED_AGAIN * 2 ** min(wanted.tries, 10))
    if refusal in PASSING and now < wanted.begun_at + ASKED_FOR:
        return msgspec.structs.replace(wanted, due_at=again, tries=tries, refusal=refusal)
    return msgspec.structs.replace(wanted, step=None, due_at=None, tries=tries, refusal=refusal)


def followed(
    wanted: Wanted, kept: AssetRecord | None, question: ContactProof | None, *, now: datetime
) -> FollowedAsset | None:
    """The table above; None for what is not known yet. `question` is the last one to the registry's contact."""
    if kept is None:
        return _told(wanted, ClaimState.REFUSED)
    match kept.proof.state:
        case ProofState.PROVEN if kept.contested:
            return _told(wanted, ClaimState.CONTESTED)
        case ProofState.PROVEN:
            return _proven(wanted, kept)
        case ProofState.REVOKED:
            return _told(wanted, ClaimState.REFUSED)
        case ProofState.LAPSED:
            return _told(wanted, ClaimState.LAPSED)
        case ProofState.CLAIMED | ProofState.CHALLENGED:
            return _unproven(wanted, kept, question, now)


def _proven(wanted: Wanted, kept: AssetRecord) -> FollowedAsset:
    proof = kept.proof
    record = record_of(kept.kind, kept.value, proof.token or "") if is_looked_up(proof) else None
    name, value = record or ("", "")
    return _told(wanted, ClaimState.PROVEN, record_name=name, record_value=value, until=proof.proven_until)


def _unproven(wanted: Wanted, kept: AssetRecord, question: ContactProof | None, now: datetime) -> FollowedAsset | None:
    proof = kept.proof
    record = record_of(kept.kind, kept.value, proof.token or "")
    if record is not None and proof.challenged_at is not None and can_answer(proof, now):
        until = proof.challenged_at + CHALLENGE_LASTS
        name, value = record
        return _told(wanted, ClaimState.RECORD_WANTED, record_name=name, record_value=value, until=until)
    if question is not None and question.is_open(now):
        return _told(wanted, ClaimState.CONTACT_ASKED, contact=masked(question.contact), until=question.expires_at)
    if wanted.is_unknown:
        return None
    was_asked = question is not None and question.asked_at >= wanted.begun_at
    return _told(wanted, ClaimState.NO_CONTACT if wanted.refusal and not was_asked else ClaimState.LAPSED)


def masked(email: str) -> str:
    """`a***@network.example`: enough to know one's own provider by."""
    mailbox, _, domain = email.rpartition("@")
    return f"{mailbox[:1]}***@{domain}"


def news_of(registration: SelfRegistration, found: Sequence[tuple[Wanted, FollowedAsset | None]]) -> News:
    """What is to be told of a registration now. Its owner is mailed about whatever became another thing."""
    before = registration.told
    known = [(wanted, asset) for wanted, asset in found if asset is not None]
    mailed, values = dict(before.mailed), []
    for wanted, asset in known:
        said = f"{asset.state} {asset.record_value}" if asset.state is ClaimState.RECORD_WANTED else asset.state.value
        if not wanted.is_passing and mailed.get(asset.value) != said:
            mailed[asset.value] = said
            values.append(asset.value)
    listed = {wanted.value for wanted, _ in found}
    kept = {value: said for value, said in mailed.items() if value in listed}
    told = Told(registration.taken_up, tuple(asset for _, asset in known), kept)
    is_new = (told.answers, told.assets) != (before.answers, before.assets) or bool(values)
    return News(told, tuple(values), is_new)


def waits_until(
    registration: SelfRegistration, found: Sequence[tuple[Wanted, FollowedAsset | None]], *, now: datetime
) -> datetime | None:
    """The first news of a revision waits for what is not known yet, but not for long. None: it waits for nothing."""
    since = registration.taken_up_at
    if since is None or registration.told.answers == registration.taken_up or all(asset for _, asset in found):
        return None
    return since + FIRST_NEWS_WAIT if now < since + FIRST_NEWS_WAIT else None


def looked_at_next(assets: Iterable[FollowedAsset]) -> datetime | None:
    """When one of these states ends by itself."""
    ends = (ClaimState.RECORD_WANTED, ClaimState.CONTACT_ASKED)
    return min((asset.until for asset in assets if asset.until is not None and asset.state in ends), default=None)


def _told(
    wanted: Wanted,
    state: ClaimState,
    *,
    record_name: str = "",
    record_value: str = "",
    contact: str = "",
    until: datetime | None = None,
) -> FollowedAsset:
    return FollowedAsset(
        kind=wanted.kind,
        value=wanted.value,
        state=state,
        record_name=record_name,
        record_value=record_value,
        contact=contact,
        until=until,
    )


def _key(asset: ClaimedAsset) -> tuple[AssetKind, str]:
    return asset.kind, asset.value
