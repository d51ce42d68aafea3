"""By what machines are told from people: headers (RFC 3834 and what programs add of their own), subjects, words."""

import re

from services.feedback.domain.incoming.mail import Incoming

_MACHINES = re.compile(
    r"^(?:mailer-daemon|mail-daemon|postmaster|mailerdaemon|microsoftexchange[0-9a-f]*|mdaemon|mail[._-]?system"
    r"|mailadmin|mail-delivery|bounces?|no-?reply-bounce)(?:[+@]|$)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"<([^<>\s]{1,320})>|([^\s<>\"(),;:]{1,64}@[^\s<>\"(),;:]{1,255})")
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|delivery (?:status )?(?:notification|failure|has failed)|returned mail|failure notice"
    r"|mail delivery (?:failed|system)|delivery failure|message (?:not delivered|undelivered)|onbestelbaar"
    r"|unzustellbar|nondeliverable|could not be delivered|mail (?:system )?error|niet (?:bezorgd|afgeleverd)",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"^\s*(?:re: ?|aw: ?|fwd?: ?)*(?:auto(?:matic|matische|matisches|mated)?[- ]?(?:reply|response"
    r"|antwoord|answer)|autoreply"
    r"|out of (?:the )?office|abwesenheit|abwesend|afwezig|automatisch antwoord|automatische antwort|ooo\b"
    r"|niet aanwezig|r.ponse automatique|absence du bureau|vacation\b|on (?:holiday|vacation|leave)\b|met vakantie)",
    re.IGNORECASE,
)
_AWAY_WORDS = re.compile(
    r"\b(?:i am|i'm|ik ben|ich bin)\b[^.\n]{0,60}\b(?:out of (?:the )?office|on (?:annual "
    r"|parental )?leave|on (?:holiday|vacation)"
    r"|afwezig|met vakantie|niet (?:aanwezig|op kantoor)|nicht im (?:b.ro|haus)|im urlaub|abwesend)\b",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"\[(?:[a-z .&-]{0,40})?#\s?[a-z]{0,6}-?\d{2,12}\]|\[(?:ticket|case|request|melding"
    r"|vorgang)[ #:-]{1,3}[\w-]{3,20}\]"
    r"|\b(?:ticket|case|request|melding|zaak|vorgang)\s?(?:#|nr\.?|no\.?|number|id:?|nummer)\s?:?\s?[\w-]{3,20}"
    r"|\b(?:INC|REQ|CAS|CS|RITM|SR|TCK|HD)-?\d{4,12}\b|##\s?\d{3,12}\s?##|\[[A-Z]{2,10}-\d{1,9}\]",
    re.IGNORECASE,
)
_ACKNOWLEDGED = re.compile(
    r"(?:we|wij|wir) (?:have |hebben |haben )?(?:successfully )?(?:received|ontvangen|erhalten)"
    r"|(?:has|have|is|was|werd|wurde) (?:successfully )?(?:been )?(?:received|logged|registered"
    r"|created|opened|ontvangen"
    r"|geregistreerd|aangemaakt|erstellt)"
    r"|(?:bericht|melding|e-?mail|vraag)[^.\n]{0,30}(?:goed )?ontvangen|(?:in goede orde|goed) ontvangen"
    r"|thank you for (?:contacting|your (?:report|e-?mail|message|request))|bedankt voor (?:uw"
    r"|je) (?:bericht|melding|e-?mail)"
    r"|vielen dank f.r ihre (?:nachricht|anfrage|meldung)|a ticket (?:has been|was) (?:created|opened)"
    r"|this is an auto(?:mated|matic) (?:reply|response|acknowledge?ment|message)",
    re.IGNORECASE,
)
_TICKET_HEADERS = (
    "x-rt-loop-prevention",
    "x-otrs-loop",
    "x-zendesk-from-account-id",
    "x-zammad-ticket-id",
    "x-ticket-id",
    "x-jira-fingerprint",
    "x-freshdesk-ticket-id",
    "x-osticket-ticket",
    "x-topdesk-mail",
    "x-servicenow-generated",
    "x-gitlab-issue-id",
)


def address_in(value: str) -> str:
    """The first mail address in a header, in lower case; empty where there is none."""
    found = _ADDRESS.search(value)
    return (found[1] or found[2]).lower().strip("'") if found else ""


def is_of_mail_server(mail: Incoming) -> bool:
    """Whether a mail server seems to have written it: by its sender, or by a header that only they add."""
    headers = mail.headers
    sender = address_in(headers.get("from")) or headers.get("from").lower()
    is_nobody = headers.get("return-path").replace(" ", "") == "<>"
    return bool(
        _MACHINES.match(sender) or headers.get("x-failed-recipients") or (is_nobody and is_bounce_subject(mail))
    )


def is_bounce_subject(mail: Incoming) -> bool:
    return _BOUNCE_SUBJECT.search(mail.headers.get("subject")) is not None


def is_automatic(mail: Incoming) -> bool:
    """Whether a program says of itself that it has written it, or is known by its subject or first words."""
    headers = mail.headers
    submitted = headers.get("auto-submitted").lower().partition(";")[0].strip()
    marks = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response-suppress", "x-mail-autoreply")
    return (
        submitted not in ("", "no")
        or any(headers.get(mark) for mark in marks)
        or headers.get("precedence").lower() in ("bulk", "junk", "list", "auto_reply")
        or headers.get("return-path").replace(" ", "") == "<>"
        or bool(headers.get("list-id"))
        or _AWAY.search(headers.get("subject")) is not None
        or _AWAY_WORDS.search(mail.text[:1000]) is not None
    )


def is_tagged(mail: Incoming) -> bool:
    """Whether the subject has the number of a ticket in it, as that of a person may who answers from such a system."""
    return _TAG.search(mail.headers.get("subject")) is not None


def is_of_ticket_system(mail: Incoming) -> bool:
    """Whether it only says that our mail has arrived. The number alone proves nothing: people answer with it."""
    if any(mail.headers.get(name) for name in _TICKET_HEADERS):
        return is_automatic(mail) or _acknowledges(mail)
    return _acknowledges(mail) and (is_tagged(mail) or is_automatic(mail) or _TAG.search(mail.text[:2000]) is not None)


def _acknowledges(mail: Incoming) -> bool:
    return _ACKNOWLEDGED.search(mail.headers.get("subject") + "\n" + mail.text[:2000]) is not None
