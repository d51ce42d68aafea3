"""What a bounce says of an address: by its status code (RFC 3463), and by words where the code says too little."""

import re
from collections.abc import Mapping

from libs.common.status_codes import FULL, MAILBOX_FULL, NOBODY_THERE, OUR_OWN_ADDRESS, TOO_BIG
from libs.common.vocabulary import Permanence

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.#])([45]\d\d)(?=[ :-]|\. |$)")

DETAILS: Mapping[str, Permanence] = {
    **dict.fromkeys(NOBODY_THERE, Permanence.PERMANENT),
    "1.0": Permanence.PERMANENT,
    "1.4": Permanence.PERMANENT,
    **dict.fromkeys(OUR_OWN_ADDRESS, Permanence.POLICY),
    **dict.fromkeys(FULL, Permanence.MAILBOX_FULL),
    **dict.fromkeys(TOO_BIG, Permanence.POLICY),
}
"""Subject and detail of codes of class 5. Of the others the subject decides (`SUBJECTS`)."""

SUBJECTS: Mapping[str, Permanence] = {"6": Permanence.POLICY, "7": Permanence.POLICY}

_FULL = r"(?:mail ?box|inbox|account|postvak|postfach|quota)"
PHRASES: tuple[tuple[Permanence, re.Pattern[str]], ...] = (
    (
        Permanence.MAILBOX_FULL,
        re.compile(
            rf"{_FULL}[^.\n]{{0,40}}\b(?:is|has|over|exceed\w*|reached|almost|too)\b[^.\n]{{0,30}}"
            rf"\b(?:full|quota|limit|vol|voll|storage|large)\b"
            r"|over (?:its |his |their |the )?(?:disk )?quota|quota (?:is )?exceeded|exceed\w* (?:its |the "
            r"|storage )?quota"
            r"|(?:mailbox|postvak|postfach) (?:is |ist )?(?:full|vol|voll)\b|out of storage space"
            r"|insufficient (?:disk|mailbox) ",
            re.IGNORECASE,
        ),
    ),
    (
        Permanence.PERMANENT,
        re.compile(
            r"(?:no|not a)(?: longer a)? (?:such|valid|known) (?:user|mailbox|recipient|address|account|person)"
            r"|no mailbox (?:here )?by that name"
            r"|(?:user|mailbox|recipient|address|account|alias)(?: account| address)?(?: you entered| named)?"
            r"(?: is| was)? ?(?:\([^)\n]{0,80}\) ?)?(?:unknown|not found|not known|disabled|inactive"
            r"|unavailable|invalid)\b"
            r"|(?:unknown|invalid|nonexistent|non-existent) (?:user|recipient|mailbox|address|account"
            r"|local[- ]part|alias)"
            r"|(?:user|mailbox|recipient|address|account|alias|domain|name)[^.\n]{0,60}"
            r"(?:does not|doesn't|doesn.t|did not|do not|no longer) exist"
            r"|(?:could ?n.t|could not|cannot|can't|can.t|not) be found (?:at|in|on|or)\b"
            r"|wasn.t found at\b|not listed in (?:public |domino )?(?:name & address|directory|domino directory)"
            r"|(?:host|domain)(?: or domain)?(?: name)? (?:was )?(?:not found|unknown)|host unknown|unrouteable address"
            r"|(?:account|mailbox) (?:has been|is|was) (?:disabled|deactivated|suspended|discontinued|closed"
            r"|removed|deleted)"
            r"|recipnotfound|recipient address rejected: (?:access denied|user unknown|undeliverable)"
            r"|adres (?:bestaat niet|is onbekend)|empf(?:ä|ae)nger (?:ist )?(?:unbekannt|existiert nicht)"
            r"|this user doesn.t have an? [^\n]{1,40} account|delivery address[^.\n]{0,20}(?:unknown|invalid)",
            re.IGNORECASE,
        ),
    ),
    (
        Permanence.POLICY,
        re.compile(
            r"\b(?:spam|blocked|blacklist\w*|blocklist\w*|block list|dnsbl|rbl|spf|dkim|dmarc|reputation|virus|malware"
            r"|unsolicited|content (?:rejected|filter)|message rejected|too large|size limit|policy)\b",
            re.IGNORECASE,
        ),
    ),
    (
        Permanence.TEMPORARY,
        re.compile(
            r"timed? ?out|retry (?:timeout|time not reached)|too long in the queue|undelivered for|no answer from host"
            r"|connection (?:refused|reset)|network (?:is )?unreachable|temporar(?:y|ily)|try(?:ing)? again later"
            r"|delivery (?:time )?expired|i(?:'m|.m) not going to try again; this message has been in the queue",
            re.IGNORECASE,
        ),
    ),
)
"""Words of mail servers, the plainest first: a mailbox that is full exists, and who is unknown is refused for that."""


def codes_in(text: str) -> tuple[str, str]:
    """The first enhanced code and the first reply code in words of a mail server; empty where there is none."""
    enhanced, reply = _ENHANCED.search(text), _REPLY.search(text)
    return enhanced[0] if enhanced else "", reply[1] if reply else ""


def permanence_of(status: str, words: str) -> Permanence:
    """By the code where it says something of the address or of us; by the words; else it is not for good."""
    if status.startswith("4."):
        return Permanence.MAILBOX_FULL if status == f"4.{MAILBOX_FULL}" else Permanence.TEMPORARY
    detail = status.partition(".")[2]
    said = in_words(words)
    if (found := DETAILS.get(detail)) is not None:
        return found
    if said in (Permanence.PERMANENT, Permanence.MAILBOX_FULL):
        return said
    return SUBJECTS.get(detail.partition(".")[0]) or said or Permanence.TEMPORARY


def in_words(words: str) -> Permanence | None:
    """What a mail server means, where its words are among those that we know."""
    return next((permanence for permanence, phrase in PHRASES if phrase.search(words)), None)
