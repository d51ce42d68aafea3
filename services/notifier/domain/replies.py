"""What to do with a mail after a relay's answer: sent, again later, given up, or in doubt."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from libs.common.vocabulary import Severity
from services.notifier.domain.meanings import Meaning, Stage, hint_of, meaning_of

GREYLISTED_TRIES = 4
"""Greylisting ends with the second or third try; who says so for longer means something else."""

HINT_LONGEST = timedelta(hours=24)

NOT_ENCRYPTED = "not-encrypted"
"""Why a mail fails that may leave encrypted only: another contact is not asked, as it may read less well kept."""

NEXT_CONTACT = frozenset({Meaning.DEAD_ADDRESS, Meaning.UNWRITABLE_ADDRESS, Meaning.MAILBOX_FULL})
"""Reasons to give up on an address, not on its owner."""


class Answered(msgspec.Struct, frozen=True):
    """The relay answered. `at`: which part of the mail; a yes to the recipient alone is a rehearsal, no mail."""

    code: int
    text: str
    at: Stage = Stage.CONTENT

    @property
    def meaning(self) -> Meaning:
        return meaning_of(self.code, self.text, self.at)


class Lost(msgspec.Struct, frozen=True):
    """The whole mail may have gone out, but its answer did not come back: it is in doubt."""

    detail: str


class Unwritable(msgspec.Struct, frozen=True):
    """The mail never went out: its address can't be written to."""

    detail: str


class Withheld(msgspec.Struct, frozen=True):
    """The mail was not offered to the relay: its recipient takes encrypted mail only, and it can't be encrypted."""

    detail: str


class TooLarge(msgspec.Struct, frozen=True):
    """The mail was not offered to the relay, which says that it takes none of so many bytes (SIZE, RFC 1870)."""

    mail_bytes: int
    most_bytes: int

    @property
    def detail(self) -> str:
        return f"the relay takes mails of {self.most_bytes} bytes, and this one has {self.mail_bytes}"


Reply = Answered | Lost | Unwritable | Withheld | TooLarge


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses double from `shortest` to `longest`; a mail older than `greatest_age` is given up.

    Earlier where `ages` says so of its severity, or where the mailbox has been full for `full_mailbox`.
    """

    shortest: timedelta
    longest: timedelta
    greatest_age: timedelta
    ages: Mapping[Severity, timedelta] = {}
    full_mailbox: timedelta = timedelta(hours=48)

    def patience_with(self, meaning: Meaning, severity: Severity | None) -> timedelta:
        """How old a mail may be that is answered so."""
        age = self.ages.get(severity, self.greatest_age) if severity else self.greatest_age
        return min(age, self.full_mailbox) if meaning is Meaning.MAILBOX_FULL else age


class Sent(msgspec.Struct, frozen=True):
    """The relay has the mail."""

    code: int
    text: str


class Rehearsed(msgspec.Struct, frozen=True):
    """The relay would take the mail: in a dry run nothing more is asked, and no mail leaves."""

    code: int
    text: str


class Deferred(msgspec.Struct, frozen=True):
    """Try again, not before `next_attempt_at`."""

    code: int
    text: str
    next_attempt_at: datetime


class Failed(msgspec.Struct, frozen=True):
    """Given up. `dead_address`: never write there again."""

    reason: str
    text: str
    code: int | None = None
    dead_address: bool = False

    @property
    def wants_next_contact(self) -> bool:
        """Whether another address of the same recipient may do better: as after a bounce."""
        return self.reason in NEXT_CONTACT


class InDoubt(msgspec.Struct, frozen=True):
    """Send once more, marked, not before `next_attempt_at`."""

    text: str
    next_attempt_at: datetime


class Released(msgspec.Struct, frozen=True):
    """Nothing was tried, and no try is used up: back into the queue."""

    text: str


Result = Sent | Rehearsed | Deferred | Failed | InDoubt | Released


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How much a notification has already been through."""

    tries: int
    doubts: int
    queued_at: datetime
    severity: Severity | None = None


def result_of(reply: Reply, *, patience: Patience, policy: RetryPolicy, now: datetime, chance: float) -> Result:
    """What an answer makes of a mail. `chance`, 0.0-1.0, is the jitter: a crowd does not come back at once."""
    match reply:
        case Answered():
            return _result_of_answer(reply, patience=patience, policy=policy, now=now, chance=chance)
        case Lost(detail):
            pause = backoff(patience.tries, policy=policy, chance=chance)
            return after_loss(patience.doubts, detail=detail, next_attempt_at=now + pause)
        case Unwritable(detail):
            return Failed(Meaning.UNWRITABLE_ADDRESS, detail)
        case Withheld(detail):
            return Failed(NOT_ENCRYPTED, detail)
        case TooLarge():
            return Failed(Meaning.BAD_MESSAGE, reply.detail)
        case _:
            assert_never(reply)


def _result_of_answer(
    reply: Answered, *, patience: Patience, policy: RetryPolicy, now: datetime, chance: float
) -> Result:
    code, text, meaning = reply.code, reply.text, reply.meaning
    match meaning:
        case Meaning.ACCEPTED:
            return Sent(code, text) if reply.at is Stage.CONTENT else Rehearsed(code, text)
        case Meaning.TRANSIENT | Meaning.GREYLISTED | Meaning.MAILBOX_FULL:
            again_at = now + pause_after(meaning, text, tries=patience.tries, policy=policy, chance=chance)
            if again_at - patience.queued_at > policy.patience_with(meaning, patience.severity):
                return Failed(meaning if meaning is Meaning.MAILBOX_FULL else "expired", text, code)
            return Deferred(code, text, again_at)
        case Meaning.CREDENTIALS:
            return Released(text)
        case Meaning.DEAD_ADDRESS:
            return Failed(meaning, text, code, dead_address=True)
        case Meaning.UNWRITABLE_ADDRESS | Meaning.POLICY | Meaning.BAD_MESSAGE | Meaning.REFUSED:
            return Failed(meaning, text, code)
        case _:
            assert_never(meaning)


def after_loss(doubts: int, *, detail: str, next_attempt_at: datetime) -> InDoubt | Failed:
    """The first lost answer allows one more mail; the second ends it, as the recipient may have two already."""
    if doubts == 0:
        return InDoubt(detail, next_attempt_at)
    return Failed("in-doubt", "The relay's answer was lost twice; the mail may or may not have arrived.")


def pause_after(meaning: Meaning, text: str, *, tries: int, policy: RetryPolicy, chance: float) -> timedelta:
    """As long as the server says, and a little later; else what greylisting wants, else longer with each try."""
    if (hint := hint_of(text)) is not None:
        return min(hint, HINT_LONGEST) * (1 + chance / 10)
    if meaning is Meaning.GREYLISTED and tries <= GREYLISTED_TRIES:
        # With the usual settings 5 to 15 minutes.
        return policy.shortest * (1 + 2 * chance) / 3
    return backoff(tries, policy=policy, chance=chance)


def backoff(tries: int, *, policy: RetryPolicy, chance: float) -> timedelta:
    """Exponential, full jitter, but never under half of the shortest pause: greylisting wants a few minutes."""
    ceiling = min(policy.longest, policy.shortest * 2.0 ** min(tries, 32))
    return max(policy.shortest / 2, ceiling * chance)
