"""How an asset is proven to be somebody's, how long that holds, and how it is lost.

claimed → challenged → proven → lapsed or revoked, and from there challenged again. Only what is proven is anybody's.

| proven by | how | proven again |
| --- | --- | --- |
| dns | a TXT record `_tocsin-challenge.DOMAIN` that holds the token | by itself, while the record stays |
| contact | a code that was mailed to the contact in the registry | by a new code |
| desk | the word of an operator, with a reason | by a new word, or the next file that has it |
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from libs.common.vocabulary import AssetKind

LASTS = timedelta(days=365)
ASKED_BEFORE_THE_END = timedelta(days=30)
CHALLENGE_LASTS = timedelta(days=14)
"""Long enough for a colleague who runs the name servers; the asset is nobody's until then."""

MISSES_TO_LOSE = 3
TIME_TO_LOSE = timedelta(days=3)
"""One look may hit a name server in the middle of a move, so three must miss it, over three days at least."""

BETWEEN_MISSES = timedelta(days=1)
SHORTEST_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=1)
GRACE = timedelta(days=30)
"""Name servers that answer nobody prove nothing, in neither direction; after this the proof is too old all the same."""

CHALLENGE_NAME = "_tocsin-challenge"
TOKEN_PREFIX = "tocsin-proof="  # noqa: S105 - a label, not a secret


class ProofState(StrEnum):
    CLAIMED = "claimed"
    CHALLENGED = "challenged"
    PROVEN = "proven"
    LAPSED = "lapsed"
    REVOKED = "revoked"


class ProofMethod(StrEnum):
    DNS = "dns"
    CONTACT = "contact"
    DESK = "desk"


class Seen(StrEnum):
    """What a look at the DNS found."""

    TOKEN = "token"  # noqa: S105 - a name
    NOTHING = "nothing"
    NO_ANSWER = "no-answer"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one asset's proof.

    `token` is the newest challenge. `by` and `note` say who moved it last, and why. `check_at` is when it is to be
    looked at again; `misses` counts the looks in a row that found the token gone, from `missing_since` on, and
    `unanswered` those that no name server answered.
    """

    state: ProofState = ProofState.CLAIMED
    method: ProofMethod | None = None
    token: str | None = None
    challenged_at: datetime | None = None
    proven_at: datetime | None = None
    proven_until: datetime | None = None
    by: str | None = None
    note: str | None = None
    check_at: datetime | None = None
    misses: int = 0
    unanswered: int = 0
    missing_since: datetime | None = None

    @property
    def is_proven(self) -> bool:
        return self.state is ProofState.PROVEN


class Unproven(msgspec.Struct, frozen=True):
    """Why an asset is not proven now."""

    code: str
    message: str


def vouched(proof: Proof, *, by: str, note: str, at: datetime) -> Proof:
    """Proven by the desk's word, for a year from now."""
    return _proven(proof, ProofMethod.DESK, by=by, note=note, at=at)


def put_to_contact(proof: Proof, *, by: str) -> Proof:
    """The registry's contact is asked. What is proven already stays so meanwhile."""
    return proof if proof.is_proven else msgspec.structs.replace(proof, state=ProofState.CHALLENGED, by=by)


def confirmed(proof: Proof, *, by: str, note: str, at: datetime) -> Proof:
    """Proven by the registry's contact, for a year from now."""
    return _proven(proof, ProofMethod.CONTACT, by=by, note=note, at=at)


def disowned(proof: Proof, *, by: str, note: str) -> Proof:
    """The registry's contact says that it is not theirs. What the name servers or the desk say stands until a person
    has looked: they may know better than a mailbox.
    """
    if proof.is_proven and proof.method is not ProofMethod.CONTACT:
        return proof
    return msgspec.structs.replace(_lost(proof, ProofState.REVOKED, note=note), by=by)


def challenged(proof: Proof, *, token: str, by: str, at: datetime) -> Proof:
    """A new token to show. What is proven already stays so; an unused token is good for a while and is shown again."""
    if proof.token is not None and can_answer(proof, at):
        token = proof.token
    elif proof.method is ProofMethod.DNS and proof.is_proven and proof.token is not None:
        # The record is there and is looked at every year: another token would be a proof lost.
        token = proof.token
    state = proof.state if proof.is_proven else ProofState.CHALLENGED
    return msgspec.structs.replace(proof, state=state, token=token, challenged_at=at, by=by)


def can_answer(proof: Proof, at: datetime) -> bool:
    """Is there a challenge, and is it young enough?"""
    return proof.token is not None and proof.challenged_at is not None and at < proof.challenged_at + CHALLENGE_LASTS


def answered(proof: Proof, seen: Seen, *, by: str, at: datetime) -> Proof | Unproven:
    """Somebody says that the token can be seen now."""
    if not can_answer(proof, at):
        return Unproven("no-challenge", "There is no challenge, or it is too old; ask for one first.")
    match seen:
        case Seen.TOKEN:
            return _proven(proof, ProofMethod.DNS, by=by, note=None, at=at)
        case Seen.NOTHING:
            return Unproven("not-proven", "The token is not there, or not yet for everybody; try again in an hour.")
        case Seen.NO_ANSWER:
            return Unproven("no-answer", "The name servers of this domain do not answer; try again later.")


def checked(proof: Proof, seen: Seen, *, at: datetime) -> Proof:
    """What a look by ourselves makes of a proof by DNS. Only a token that stays away loses it."""
    match seen:
        case Seen.TOKEN:
            return _proven(proof, ProofMethod.DNS, by=proof.by, note=proof.note, at=at)
        case Seen.NOTHING:
            return _missed(proof, at)
        case Seen.NO_ANSWER:
            return _unanswered(proof, at)


def ended(proof: Proof, *, at: datetime) -> Proof:
    """What can't be proven again by itself ends with its time; what never had an end gets one."""
    if proof.proven_until is None:
        return msgspec.structs.replace(proof, proven_until=at + LASTS, check_at=at + LASTS)
    if at < proof.proven_until:
        return msgspec.structs.replace(proof, check_at=proof.proven_until)
    return _lost(proof, ProofState.LAPSED, note="nobody has proven it again within a year")


def revoked(proof: Proof, *, by: str, note: str) -> Proof:
    """Taken back by a person. The token goes too: what was shown once must not prove it again."""
    lost = _lost(proof, ProofState.REVOKED, note=note)
    return msgspec.structs.replace(lost, by=by, token=None, challenged_at=None)


def is_looked_up(proof: Proof) -> bool:
    """Can we see by ourselves whether it still holds?"""
    return proof.is_proven and proof.method is ProofMethod.DNS and proof.token is not None


def record_of(kind: AssetKind, value: str, token: str) -> tuple[str, str] | None:
    """Name and content of the TXT record that proves a domain; None for what no TXT record can prove."""
    return (f"{CHALLENGE_NAME}.{value}", f"{TOKEN_PREFIX}{token}") if kind is AssetKind.DOMAIN else None


def seen_in(texts: Iterable[str], token: str) -> Seen:
    """Is the token among a name's TXT records? Blanks and quotes around it are what people paste."""
    wanted = f"{TOKEN_PREFIX}{token}"
    return Seen.TOKEN if any(text.strip().strip('"') == wanted for text in texts) else Seen.NOTHING


def _proven(proof: Proof, method: ProofMethod, *, by: str | None, note: str | None, at: datetime) -> Proof:
    until = at + LASTS
    return msgspec.structs.replace(
        proof,
        state=ProofState.PROVEN,
        method=method,
        proven_at=at,
        proven_until=until,
        by=by,
        note=note,
        check_at=until - ASKED_BEFORE_THE_END if method is ProofMethod.DNS else until,
        misses=0,
        unanswered=0,
        missing_since=None,
    )


def _missed(proof: Proof, at: datetime) -> Proof:
    since, misses = proof.missing_since or at, proof.misses + 1
    if misses >= MISSES_TO_LOSE and at - since >= TIME_TO_LOSE:
        return _lost(proof, ProofState.LAPSED, note=f"the token is gone since {since:%Y-%m-%d}")
    return msgspec.structs.replace(
        proof, misses=misses, missing_since=since, unanswered=0, check_at=at + BETWEEN_MISSES
    )


def _unanswered(proof: Proof, at: datetime) -> Proof:
    """Not a miss: misses so far stay counted, and the next look comes later each time."""
    if proof.proven_until is not None and at >= proof.proven_until + GRACE:
        return _lost(proof, ProofState.LAPSED, note="the name servers have not answered since before its end")
    wait = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(proof.unanswered, 5))
    return msgspec.structs.replace(proof, unanswered=proof.unanswered + 1, check_at=at + wait)


def _lost(proof: Proof, state: ProofState, *, note: str) -> Proof:
    return msgspec.structs.replace(
        proof, state=state, note=note, check_at=None, misses=0, unanswered=0, missing_since=None
    )
