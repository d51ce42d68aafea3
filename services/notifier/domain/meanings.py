"""What a relay's answer says (RFC 5321, enhanced codes of RFC 3463, 7372 and 7505): one table, and how to read it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from libs.common.status_codes import FULL, MAILBOX_FULL, NOBODY_THERE, OUR_OWN_ADDRESS, TOO_BIG

ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")


class Stage(StrEnum):
    """Which part of a mail an answer is about. An accepted recipient has no mail yet: only content is one."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    CONTENT = "content"


class Meaning(StrEnum):
    """What a reply says, in the terms of what we do about it."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    GREYLISTED = "greylisted"
    MAILBOX_FULL = "mailbox-full"
    DEAD_ADDRESS = "dead-address"
    UNWRITABLE_ADDRESS = "unwritable-address"
    POLICY = "policy"
    BAD_MESSAGE = "bad-message"
    CREDENTIALS = "credentials"
    REFUSED = "refused"


IN_CLASS_5: Mapping[str, Meaning] = {
    **dict.fromkeys(NOBODY_THERE, Meaning.DEAD_ADDRESS),
    **dict.fromkeys(OUR_OWN_ADDRESS, Meaning.POLICY),
    **dict.fromkeys(FULL, Meaning.MAILBOX_FULL),
    **dict.fromkeys(TOO_BIG, Meaning.BAD_MESSAGE),
    "6.7": Meaning.UNWRITABLE_ADDRESS,  # nobody there reads SMTPUTF8
    "7.8": Meaning.CREDENTIALS,
    "7.9": Meaning.CREDENTIALS,
    "7.11": Meaning.CREDENTIALS,
}
"""By enhanced code, of refusals for good. What is not in it is told by its subject: `SUBJECT_IN_CLASS_5`."""

SUBJECT_IN_CLASS_5: Mapping[str, Meaning] = {"6": Meaning.BAD_MESSAGE, "7": Meaning.POLICY}

LOG_IN_CODES = frozenset({530, 534, 535, 538})

OF_RECIPIENTS: Mapping[int, Meaning] = {551: Meaning.DEAD_ADDRESS, 553: Meaning.DEAD_ADDRESS}
"""By reply code, where there is no enhanced one and the recipient was asked for."""

ANYWHERE: Mapping[int, Meaning] = {552: Meaning.MAILBOX_FULL, 554: Meaning.POLICY, 556: Meaning.DEAD_ADDRESS}

OF_ADDRESSES = frozenset({Meaning.DEAD_ADDRESS, Meaning.UNWRITABLE_ADDRESS, Meaning.REFUSED})

NO_SUCH_MAILBOX = re.compile(
    r"no such (?:user|mailbox|recipient|address)|(?:user|recipient|mailbox|address)(?: is)? (?:unknown|not found)"
    r"|unknown (?:user|recipient|mailbox)|(?:user|mailbox|recipient|address) (?:does not|doesn't) exist",
    re.IGNORECASE,
)
"""What servers without enhanced codes say with 550."""

GREYLISTING = re.compile(r"gr[ea]y-?\s?list", re.IGNORECASE)
GREYLISTING_DETAIL = "7.1"

HINT = re.compile(
    r"(?:again|retry|wait|available|come back|delayed|listed)\D{0,24}?\b"
    r"(?:(?P<clock>\d{1,2}:\d{2}:\d{2})|(?P<amount>\d{1,6})\s*(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b)",
    re.IGNORECASE,
)
SECONDS_IN = {"s": 1, "m": 60, "h": 3600}


def meaning_of(code: int, text: str, at: Stage = Stage.CONTENT) -> Meaning:
    """Read a reply. The enhanced code is more precise and wins, if its class agrees with the reply's first digit."""
    detail = _enhanced(code, text)
    if 200 <= code < 300:
        return Meaning.ACCEPTED
    if code in LOG_IN_CODES:
        return Meaning.CREDENTIALS
    if code < 500:
        return _meaning_of_delay(code, text, detail)
    found = _with_detail(detail) if detail else _without_detail(code, text, at)
    # Of the sender's address it is us whom the server does not like: no recipient is to blame.
    return Meaning.POLICY if at is Stage.SENDER and found in OF_ADDRESSES else found


def hint_of(text: str) -> timedelta | None:
    """How long the server itself asks us to wait, where it says so in words that are known."""
    found = HINT.search(text)
    if found is None:
        return None
    if found["clock"]:
        hours, minutes, seconds = map(int, found["clock"].split(":"))
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timedelta(seconds=int(found["amount"]) * SECONDS_IN[found["unit"][0].lower()])


def _meaning_of_delay(code: int, text: str, detail: str) -> Meaning:
    if detail == MAILBOX_FULL:
        return Meaning.MAILBOX_FULL
    if GREYLISTING.search(text) or (code in (450, 451) and detail == GREYLISTING_DETAIL):
        return Meaning.GREYLISTED
    return Meaning.TRANSIENT


def _with_detail(detail: str) -> Meaning:
    subject = detail.partition(".")[0]
    return IN_CLASS_5.get(detail) or SUBJECT_IN_CLASS_5.get(subject, Meaning.REFUSED)


def _without_detail(code: int, text: str, at: Stage) -> Meaning:
    if at is Stage.RECIPIENT and code in OF_RECIPIENTS:
        return OF_RECIPIENTS[code]
    if at is Stage.RECIPIENT and NO_SUCH_MAILBOX.search(text):
        return Meaning.DEAD_ADDRESS
    return ANYWHERE.get(code, Meaning.REFUSED)


def _enhanced(code: int, text: str) -> str:
    """Subject and detail of the enhanced code, such as `1.1`; empty when there is none or it contradicts the reply."""
    found = ENHANCED.match(text)
    return f"{found[2]}.{found[3]}" if found and found[1] == str(code)[0] else ""
