"""What a mail that came back is, about which of ours, and what it says of the address. Nothing here is looked up."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from libs.common.addresses import canonical_email
from libs.common.references import is_reference, normalise_reference
from libs.common.text import plain
from libs.common.verp import notification_at
from libs.common.vocabulary import Permanence, ReturnKind, Trust
from services.feedback.domain.incoming import marks
from services.feedback.domain.incoming.mail import Block, Incoming
from services.feedback.domain.incoming.permanence import codes_in, in_words, permanence_of

TEXT_CHARACTERS = 2000
DETAIL_CHARACTERS = 500
AS_FAST_AS_A_MACHINE = timedelta(seconds=60)

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REFERENCE = re.compile(r"\bTOC-?[0-9A-Za-z]{10}\b")
_QUOTE = re.compile(
    r"^(?:>|-{2,} ?(?:original message|oorspronkelijk bericht|urspr.ngliche nachricht|forwarded message)"
    r"|on [^\n]{5,200} wrote:|op [^\n]{5,200} schreef[^\n]{0,200}:|am [^\n]{5,200} schrieb[^\n]{0,200}:|_{10,})",
    re.IGNORECASE | re.MULTILINE,
)
_EXIM = re.compile(r"^\s{2,}(\S{1,64}@\S{1,255})\s*$", re.MULTILINE)
_IN_BRACKETS = re.compile(r"<([^<>\s@]{1,64}@[^<>\s]{1,255})>")
_ANYWHERE = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}")
_BLOCK_OF_RETURNED = re.compile(r"^(?:message-id|return-path|x-tocsin-reference):", re.IGNORECASE | re.MULTILINE)


class House(msgspec.Struct, frozen=True):
    """How our own mails are known. `key`: the secret behind the links; `domain`: that of Message-IDs."""

    key: bytes
    domain: str


class Recognised(msgspec.Struct, frozen=True, kw_only=True):
    """`recipient` and `permanence` are those of a bounce; `recipient` may be another than we wrote to, who forwards.

    `reference` is there where nothing surer names our mail. `is_tagged`: the subject has the number of a ticket.
    """

    kind: ReturnKind
    trust: Trust = Trust.NONE
    notification_id: UUID | None = None
    reference: str = ""
    recipient: str = ""
    permanence: Permanence | None = None
    code: str = ""
    detail: str = ""
    is_tagged: bool = False


UNREADABLE = Recognised(kind=ReturnKind.OTHER, detail="too deep, or of too many parts")


def recognise(mail: Incoming | None, *, to: str, house: House) -> Recognised:
    """What came to the address `to`. A bounce is one only by a report, or by words that can mean nothing else."""
    if mail is None:
        notification_id = notification_at(to, house.key)
        trust = Trust.TOKEN if notification_id else Trust.NONE
        return msgspec.structs.replace(UNREADABLE, notification_id=notification_id, trust=trust)
    found = _told_by(mail, to=to, house=house)
    return _about(found, mail, to=to, house=house)


def with_timing(found: Recognised, *, sent_at: datetime, at: datetime) -> Recognised:
    """Who answers with the number of a ticket within a minute is a machine, whatever it says."""
    is_prompt = found.is_tagged and timedelta() <= at - sent_at < AS_FAST_AS_A_MACHINE
    if found.kind is ReturnKind.REPLY and is_prompt:
        return msgspec.structs.replace(found, kind=ReturnKind.TICKET)
    return found


def _told_by(mail: Incoming, *, to: str, house: House) -> Recognised:
    if _is_ours(mail, house):
        return Recognised(kind=ReturnKind.LOOP)
    if mail.complaint is not None or mail.report == "feedback-report":
        return _complaint(mail, mail.complaint or Block())
    if mail.statuses:
        return _by_report(mail)
    if mail.report == "disposition-notification":
        return Recognised(kind=ReturnKind.AUTO_REPLY)
    if marks.is_of_mail_server(mail) and (bounce := _in_words(mail)) is not None:
        return bounce
    return _answer(mail, is_to_bounces=notification_at(to, house.key) is not None)


def _is_ours(mail: Incoming, house: House) -> bool:
    """One of our own notifications, which somebody or something sent back as it was."""
    headers = mail.headers
    sender = marks.address_in(headers.get("from")).rpartition("@")[2]
    is_marked = bool(headers.get("x-tocsin-reference") or headers.get("list-id"))
    return sender == house.domain and (is_marked or headers.get("auto-submitted").lower().startswith("auto-generated"))


def _complaint(mail: Incoming, report: Block) -> Recognised:
    kind = report.get("feedback-type").lower()
    if kind == "not-spam":
        return Recognised(kind=ReturnKind.OTHER, detail="not spam")
    recipient = marks.address_in(report.get("original-rcpt-to")) or _to_whom(mail)
    return Recognised(kind=ReturnKind.COMPLAINT, recipient=recipient, code=plain(kind, 40), detail=_agent(report))


def _agent(report: Block) -> str:
    return plain(report.get("user-agent"), DETAIL_CHARACTERS)


def _to_whom(mail: Incoming) -> str:
    return marks.address_in(mail.returned.get("to")) if mail.returned else ""


def _by_report(mail: Incoming) -> Recognised:
    """One of our mails has one recipient. Of several blocks the one that failed counts, then the one that waits."""
    by_action = {"failed": ReturnKind.BOUNCE, "delayed": ReturnKind.DELAYED}
    blocks = [block for block in mail.statuses if block.get("action")]
    for action, kind in by_action.items():
        for block in blocks:
            if block.get("action").lower().partition(" ")[0] == action:
                return _of_block(block, kind)
    if blocks:
        return _of_block(blocks[0], ReturnKind.DELIVERED)
    return _in_words(mail) or Recognised(kind=ReturnKind.OTHER, detail="a delivery status that says nothing")


def _of_block(block: Block, kind: ReturnKind) -> Recognised:
    words = block.get("diagnostic-code")
    told, reply = codes_in(words)
    status = codes_in(block.get("status"))[0]
    if told and (not status or status.endswith(".0.0")):
        status = told
    if not status and reply:
        status = f"{reply[0]}.0.0"
    recipient = _recipient_of(block.get("final-recipient")) or _recipient_of(block.get("original-recipient"))
    return Recognised(
        kind=kind,
        recipient=recipient,
        permanence=permanence_of(status, words) if kind is ReturnKind.BOUNCE else None,
        code=status or reply,
        detail=plain(words, DETAIL_CHARACTERS),
    )


def _recipient_of(value: str) -> str:
    """`rfc822; name@example.org`, with or without brackets."""
    return marks.address_in(value.rpartition(";")[2])


def _in_words(mail: Incoming) -> Recognised | None:
    """A bounce without a report: the words of the server, before those of our own mail that it sends back."""
    words = _before_returned(mail.text)
    status, reply = codes_in(words)
    if status.startswith("2.") or (in_words(words) is None and not status.startswith("5.")):
        return None
    is_delay = marks.is_bounce_subject(mail) and re.search(r"\b(?:delayed|warning: message)\b", words, re.IGNORECASE)
    if is_delay and not status.startswith("5."):
        return Recognised(kind=ReturnKind.DELAYED, recipient=_failed_in(mail, words), code=status or reply)
    return Recognised(
        kind=ReturnKind.BOUNCE,
        recipient=_failed_in(mail, words),
        permanence=permanence_of(status, words),
        code=status or reply,
        detail=plain(words, DETAIL_CHARACTERS),
    )


def _before_returned(text: str) -> str:
    found = _BLOCK_OF_RETURNED.search(text)
    return text[: found.start()] if found else text[:4000]


def _failed_in(mail: Incoming, words: str) -> str:
    """Whom the server could not reach: as it says in a header, in brackets, on a line alone, or anywhere at all."""
    if named := mail.headers.get("x-failed-recipients"):
        return marks.address_in(named.partition(",")[0])
    for pattern in (_IN_BRACKETS, _EXIM):
        if found := pattern.search(words):
            return (canonical_email(found[1].rstrip(":")) or "").lower()
    found = _ANYWHERE.search(words)
    return found[0].lower() if found else ""


def _answer(mail: Incoming, *, is_to_bounces: bool) -> Recognised:
    """Where bounces go, nobody writes to by hand."""
    subject = mail.headers.get("subject").strip().lower()
    if subject == "unsubscribe" and not is_to_bounces:
        return Recognised(kind=ReturnKind.UNSUBSCRIBE, recipient=marks.address_in(mail.headers.get("from")))
    if marks.is_of_ticket_system(mail):
        return Recognised(kind=ReturnKind.TICKET, detail=plain(mail.headers.get("subject"), DETAIL_CHARACTERS))
    if marks.is_of_mail_server(mail):
        return Recognised(kind=ReturnKind.OTHER, detail=plain(mail.headers.get("subject"), DETAIL_CHARACTERS))
    if marks.is_automatic(mail) or is_to_bounces:
        return Recognised(kind=ReturnKind.AUTO_REPLY, detail=plain(mail.headers.get("subject"), DETAIL_CHARACTERS))
    return Recognised(
        kind=ReturnKind.REPLY,
        recipient=marks.address_in(mail.headers.get("from")),
        detail=_own_words(mail.text) or plain(mail.headers.get("subject"), TEXT_CHARACTERS),
        is_tagged=marks.is_tagged(mail),
    )


def _own_words(text: str) -> str:
    """What a person wrote, without the mail that they answer to, where it stands below."""
    found = _QUOTE.search(text)
    above = text[: found.start()].strip() if found else ""
    return plain(above or text, TEXT_CHARACTERS, lines=True)


def _about(found: Recognised, mail: Incoming, *, to: str, house: House) -> Recognised:
    """Which of our mails it is about: by the token of its address, its Message-ID, or a reference, in this order."""
    if (notification_id := notification_at(to, house.key)) is not None:
        return msgspec.structs.replace(found, trust=Trust.TOKEN, notification_id=notification_id)
    if (notification_id := _by_message_id(mail, house)) is not None:
        return msgspec.structs.replace(found, trust=Trust.MESSAGE_ID, notification_id=notification_id)
    if reference := next(_references(mail, to), ""):
        return msgspec.structs.replace(found, trust=Trust.REFERENCE, reference=reference)
    return found


def _by_message_id(mail: Incoming, house: House) -> UUID | None:
    """Of the mail that is sent back, or that is answered to. Only whoever has seen our mail knows it."""
    said = [mail.returned.get("message-id")] if mail.returned else []
    said += [mail.headers.get(name) for name in ("in-reply-to", "references")]
    said += [mail.complaint.get("original-message-id")] if mail.complaint else []
    pattern = re.compile(rf"<?({_UUID})@{re.escape(house.domain)}>?", re.IGNORECASE)
    found = next(filter(None, (pattern.search(value) for value in said)), None) or _in_text(mail, pattern)
    return UUID(found[1]) if found else None


def _in_text(mail: Incoming, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """Servers without reports copy our headers into the text."""
    return re.search(rf"^message-id:\s*{pattern.pattern}", mail.text, re.IGNORECASE | re.MULTILINE)


def _references(mail: Incoming, to: str) -> Iterator[str]:
    returned = mail.returned.get("x-tocsin-reference") if mail.returned else ""
    for text in (returned, to.partition("@")[0], mail.headers.get("subject"), mail.text):
        for found in _REFERENCE.finditer(text.upper()):
            if is_reference(reference := normalise_reference(found[0])):
                yield reference
