"""A claim is put to the contact that a registry has for the asset: a code by mail, which proves it once it comes back.

open → confirmed, refused, exhausted (too many wrong codes) or superseded (asked anew). An open one ends with its time.
Only what was hashed of the code is kept.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.references import ALPHABET, BASE, LOOKALIKES
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.registry_contacts import ContactSource

LASTS = timedelta(days=7)
"""Long enough for a week of absence; whoever needs longer is asked again."""

MOST_TRIES = 5
MOST_A_DAY = 3
"""Mails to one contact in a day, whoever claims what: a provider may answer for many customers, and is no target."""

A_DAY = timedelta(days=1)
NO_STANDS = timedelta(days=90)
"""Who said no to an organisation's claim is not asked about the same again before this."""

MOST_FOR_ONE_REGISTRATION = 20
MOST_FOR_REGISTRATIONS = 200
"""Questions in a day because of organisations that register by themselves: of one, and of all of them together. Anybody
may be behind them, and whoever is asked has not asked for it. The desk's own questions are not among these.
"""

MOST_NOES = 3
"""Who said no to so many of them is asked by the desk only, for as long as a no stands."""

KEPT = timedelta(days=400)
CODE_CHARACTERS = 12
GROUP_CHARACTERS = 4
CODE_BYTES = 16
"""59 bits of chance in the code: guessing is bounded by its tries, and a stolen table by the week that it is good."""


class RequestState(StrEnum):
    OPEN = "open"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXHAUSTED = "exhausted"
    SUPERSEDED = "superseded"


class ContactProof(msgspec.Struct, frozen=True, kw_only=True):
    """One question to one contact about one claim. Outlives the claim: what was mailed to whom is not forgotten."""

    request_id: UUID
    asset_id: UUID
    organisation_id: UUID
    kind: AssetKind
    value: str
    contact: str
    source: ContactSource
    language: Language
    code_hash: bytes
    token_hash: bytes
    asked_at: datetime
    asked_by: str
    expires_at: datetime
    state: RequestState = RequestState.OPEN
    tries: int = 0
    answered_at: datetime | None = None
    answered_by: str | None = None

    @property
    def tries_left(self) -> int:
        return MOST_TRIES - self.tries if self.state is RequestState.OPEN else 0

    def is_open(self, at: datetime) -> bool:
        return self.state is RequestState.OPEN and at < self.expires_at


class NotTaken(msgspec.Struct, frozen=True):
    """Why an answer counts for nothing. `after`: what has become of the question by it, if anything has."""

    code: str
    message: str
    after: ContactProof | None = None


class Strangers(msgspec.Struct, frozen=True):
    """What was asked lately for those who register by themselves: for this one, for all, and this contact's noes."""

    for_this_one: int = 0
    for_all: int = 0
    noes: int = 0


class Asked(msgspec.Struct, frozen=True):
    """How often somebody was asked lately, and the last no to this very claim; None for `strangers`: the desk asks."""

    of_contact: int
    refused_at: datetime | None = None
    strangers: Strangers | None = None


def code_of(chance: bytes) -> str:
    """`7KQ2-M4XD-9RTB`, of characters that nobody takes for another. `chance` are CODE_BYTES random bytes."""
    number = int.from_bytes(chance, "big")
    code = "".join(ALPHABET[number // BASE**place % BASE] for place in range(CODE_CHARACTERS))
    return "-".join(code[first : first + GROUP_CHARACTERS] for first in range(0, CODE_CHARACTERS, GROUP_CHARACTERS))


def code_hash_of(request_id: UUID, code: str) -> bytes:
    """Of a code as a person types it: in any case, with blanks and hyphens anywhere, O for 0, I and L for 1."""
    typed = code.strip().upper().translate(LOOKALIKES)
    return hashlib.sha256(request_id.bytes + typed.encode(errors="replace")).digest()


def token_hash_of(token: str) -> bytes:
    """Of the part of the page's address that is a secret."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def may_be_asked(asked: Asked, *, at: datetime) -> NotTaken | None:
    """Why this contact is not asked now; None: it may be."""
    if asked.refused_at is not None and at < asked.refused_at + NO_STANDS:
        return NotTaken(
            "refused-by-contact",
            f"The registry's contact said no to this claim on {asked.refused_at:%Y-%m-%d} and is not asked again yet; "
            "prove it in another way.",
        )
    if asked.of_contact >= MOST_A_DAY:
        return NotTaken(
            "asked-too-often", f"This contact was sent {MOST_A_DAY} questions within a day; ask again tomorrow."
        )
    return None if asked.strangers is None else _objection_to(asked.strangers, asked.of_contact)


def _objection_to(strangers: Strangers, of_contact: int) -> NotTaken | None:
    """They leave one mail of a contact's day to the desk."""
    if strangers.noes >= MOST_NOES:
        why = "The registry's contact has said no to such claims again and again, so only the desk asks it."
        return NotTaken("refused-by-contact", why)
    is_much = strangers.for_this_one >= MOST_FOR_ONE_REGISTRATION or strangers.for_all >= MOST_FOR_REGISTRATIONS
    if is_much or of_contact >= MOST_A_DAY - 1:
        return NotTaken("asked-too-often", "So many contacts were asked within a day that more have to wait.")
    return None


def confirmed(request: ContactProof, code: str, *, by: str, at: datetime) -> ContactProof | NotTaken:
    """What a typed code makes of the question. A wrong one uses up a try; the last of them ends it."""
    over = _why_over(request, at)
    if over is not None:
        return over
    if not hmac.compare_digest(request.code_hash, code_hash_of(request.request_id, code)):
        return _wrong(request, at)
    return _answered(request, RequestState.CONFIRMED, by=by, at=at)


def refused(request: ContactProof, *, by: str, at: datetime) -> ContactProof | NotTaken:
    """The contact says no. That needs no code: whoever has the mail may say so."""
    return _why_over(request, at) or _answered(request, RequestState.REFUSED, by=by, at=at)


def superseded(request: ContactProof, *, by: str, at: datetime) -> ContactProof:
    """Asked anew, so that the older code is worth nothing."""
    return _answered(request, RequestState.SUPERSEDED, by=by, at=at)


def _answered(request: ContactProof, state: RequestState, *, by: str, at: datetime) -> ContactProof:
    return msgspec.structs.replace(request, state=state, answered_at=at, answered_by=by)


def _why_over(request: ContactProof, at: datetime) -> NotTaken | None:
    match request.state:
        case RequestState.CONFIRMED:
            return NotTaken("code-used", "This code was used already; it works once.")
        case RequestState.REFUSED:
            return NotTaken("refused-by-contact", "The registry's contact has said no to this claim.")
        case RequestState.EXHAUSTED:
            return NotTaken("too-many-tries", "A wrong code came too often; ask the contact anew.")
        case RequestState.SUPERSEDED:
            return NotTaken("code-superseded", "A newer mail with another code has been sent; only that one counts.")
        case RequestState.OPEN:
            if at < request.expires_at:
                return None
            return NotTaken("code-expired", f"This code was good until {request.expires_at:%Y-%m-%d}; ask anew.")


def _wrong(request: ContactProof, at: datetime) -> NotTaken:
    tried = msgspec.structs.replace(request, tries=request.tries + 1)
    if tried.tries >= MOST_TRIES:
        spent = _answered(tried, RequestState.EXHAUSTED, by="", at=at)
        return NotTaken("too-many-tries", "This is not the code, and it was the last try; ask the contact anew.", spent)
    return NotTaken("wrong-code", f"This is not the code. Tries left: {tried.tries_left}.", tried)
