"""What a relay's answer means (RFC 5321, enhanced codes of RFC 3463), and what to do with the mail then."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

import msgspec

ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")

DEAD_ADDRESS = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10"})
"""Enhanced codes (without their class) that say: this address, or its domain, takes no mail."""


class Meaning(StrEnum):
    """What a reply says, in the terms of what we do about it."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    MAILBOX_FULL = "mailbox-full"
    DEAD_ADDRESS = "dead-address"
    POLICY = "policy"
    BAD_MESSAGE = "bad-message"
    CREDENTIALS = "credentials"
    REFUSED = "refused"


class Answered(msgspec.Struct, frozen=True):
    """The relay answered."""

    code: int
    text: str


class Lost(msgspec.Struct, frozen=True):
    """The whole mail may have gone out, but its answer did not come back: it is in doubt."""

    detail: str


class Unwritable(msgspec.Struct, frozen=True):
    """The mail never went out: its address can't be written to."""

    detail: str


Reply = Answered | Lost | Unwritable


def meaning_of(code: int, text: str) -> Meaning:
    """Read a reply. The enhanced code is more precise and wins, if its class agrees with the reply's first digit."""
    detail = _enhanced(code, text)
    if 200 <= code < 300:
        return Meaning.ACCEPTED
    if code in (530, 534, 535, 538) or (code >= 500 and detail == "7.8"):
        return Meaning.CREDENTIALS
    if detail == "2.2" or (code == 552 and not detail):
        return Meaning.MAILBOX_FULL
    if code < 500:
        return Meaning.TRANSIENT
    return _meaning_of_refusal(code, detail)


def _meaning_of_refusal(code: int, detail: str) -> Meaning:
    if detail in DEAD_ADDRESS:
        return Meaning.DEAD_ADDRESS
    if detail.startswith("7."):
        return Meaning.POLICY
    if detail == "3.4" or detail.startswith("6."):
        return Meaning.BAD_MESSAGE
    if not detail and code in (551, 553):
        return Meaning.DEAD_ADDRESS
    if not detail and code == 554:
        return Meaning.POLICY
    return Meaning.REFUSED


def _enhanced(code: int, text: str) -> str:
    """Subject and detail of the enhanced code, such as `1.1`; empty when there is none or it contradicts the reply."""
    found = ENHANCED.match(text)
    return f"{found[2]}.{found[3]}" if found and found[1] == str(code)[0] else ""


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Pauses double from `shortest` to `longest`; a mail older than `greatest_age` is given up."""

    shortest: timedelta
    longest: timedelta
    greatest_age: timedelta


class Sent(msgspec.Struct, frozen=True):
    """The relay has the mail."""

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
        return self.dead_address or self.reason == "unwritable-address"


class InDoubt(msgspec.Struct, frozen=True):
    """Send once more, marked, not before `next_attempt_at`."""

    text: str
    next_attempt_at: datetime


class Released(msgspec.Struct, frozen=True):
    """Nothing was tried, and no try is used up: back into the queue."""

    text: str


Result = Sent | Deferred | Failed | InDoubt | Released


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How much a notification has already been through."""

    tries: int
    doubts: int
    queued_at: datetime


def result_of(reply: Reply, *, patience: Patience, policy: RetryPolicy, now: datetime, chance: float) -> Result:
    """What an answer makes of a mail. `chance`, 0.0-1.0, is the jitter: a crowd does not come back at once."""
    pause = backoff(patience.tries, policy=policy, chance=chance)
    match reply:
        case Answered(code, text):
            return _result_of_answer(code, text, patience=patience, policy=policy, now=now, pause=pause)
        case Lost(detail):
            return after_loss(patience.doubts, detail=detail, next_attempt_at=now + pause)
        case Unwritable(detail):
            return Failed("unwritable-address", detail)
        case _:
            assert_never(reply)


def _result_of_answer(
    code: int, text: str, *, patience: Patience, policy: RetryPolicy, now: datetime, pause: timedelta
) -> Result:
    meaning = meaning_of(code, text)
    match meaning:
        case Meaning.ACCEPTED:
            return Sent(code, text)
        case Meaning.TRANSIENT | Meaning.MAILBOX_FULL:
            if now + pause - patience.queued_at > policy.greatest_age:
                return Failed("expired", text, code)
            return Deferred(code, text, now + pause)
        case Meaning.CREDENTIALS:
            return Released(text)
        case Meaning.DEAD_ADDRESS:
            return Failed(meaning, text, code, dead_address=True)
        case Meaning.POLICY | Meaning.BAD_MESSAGE | Meaning.REFUSED:
            return Failed(meaning, text, code)
        case _:
            assert_never(meaning)


def after_loss(doubts: int, *, detail: str, next_attempt_at: datetime) -> InDoubt | Failed:
    """The first lost answer allows one more mail; the second ends it, as the recipient may have two already."""
    if doubts == 0:
        return InDoubt(detail, next_attempt_at)
    return Failed("in-doubt", "The relay's answer was lost twice; the mail may or may not have arrived.")


def backoff(tries: int, *, policy: RetryPolicy, chance: float) -> timedelta:
    """Exponential, full jitter, but never under half of the shortest pause: greylisting wants a few minutes."""
    ceiling = min(policy.longest, policy.shortest * 2.0 ** min(tries, 32))
    return max(policy.shortest / 2, ceiling * chance)
