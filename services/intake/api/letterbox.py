"""The door for a mail server: whose mail it is, said by the address that it came for, and what is answered to it.

The address holds a key of the partner. Whom a mail says that it is from proves nothing.
"""

import structlog
from opentelemetry.trace import SpanKind

from libs.common.lmtp import Answer
from libs.common.metrics import MAILS_TAKEN
from libs.common.spool import Mail
from libs.common.telemetry import traceparent_of, tracer
from services.intake.api.doors import Doors
from services.intake.domain.partners import Caller, mail_key_of
from services.intake.handlers.accepting import Accepted, Refused
from services.intake.handlers.mails import Known, receive_mail
from services.intake.handlers.means import Means

log = structlog.get_logger(__name__)

_UNKNOWN = Answer(550, "5.1.1", "There is no such address, or it was withdrawn")
_DISABLED = Answer(550, "5.7.1", "This partner may not push at the moment")
_TOO_OFTEN = Answer(451, "4.7.1", "Too many mails for this address; try again later")
_PASSING = (408, 429)
_SHOWN_ERRORS = 3


class Letterbox:
    """Tells which mails are taken, and takes them."""

    def __init__(self, means: Means, doors: Doors) -> None:
        self._means = means
        self._doors = doors

    async def refusal(self, recipient: str) -> Answer | None:
        """Asked before a mail comes, and by mail servers that only want to know whether there is such an address."""
        caller = await self._caller(recipient)
        if caller is None:
            return _UNKNOWN
        if not caller.partner.enabled:
            return _DISABLED
        if (trouble := self._means.pressure.trouble) is not None:
            return Answer(451, "4.3.2", f"{trouble} Try again later")
        return None

    async def deliver(self, recipient: str, mail: Mail) -> Answer:
        caller = await self._caller(recipient)
        if caller is None:
            return _UNKNOWN
        if self._doors.rates.take(caller):
            return _TOO_OFTEN
        answer = await self._taken(mail, caller)
        taken = "taken" if answer.code < 400 else "later" if answer.code < 500 else "refused"
        MAILS_TAKEN.labels(taken).inc()
        return answer

    async def _caller(self, recipient: str) -> Caller | None:
        key = mail_key_of(recipient)
        return await self._doors.keys.caller(key) if key else None

    async def _taken(self, mail: Mail, caller: Caller) -> Answer:
        means, partner = self._means, caller.partner
        with tracer.start_as_current_span("LMTP mail", kind=SpanKind.SERVER) as span:
            answer = await receive_mail(
                mail.chunks, partner, traceparent=traceparent_of(span), means=means, now=means.database.now()
            )
        match answer:
            case Accepted():
                submission = answer.receipt.submission.id
                log.info("mail taken", partner=partner.slug, submission=str(submission), bytes=mail.size_bytes)
                return Answer(250, "2.0.0", f"Taken as submission {submission}")
            case Known():
                return Answer(250, "2.0.0", "Taken before")
            case Refused():
                log.info("mail refused", partner=partner.slug, code=answer.error.code, bytes=mail.size_bytes)
                return _refusal(answer)


def _refusal(refused: Refused) -> Answer:
    """What a mail server hands on to whoever sent the mail, so it says what is wrong in words."""
    error = refused.error
    if error.status in _PASSING or error.status >= 500:
        return Answer(452, "4.3.1", f"{error.message} ({error.code})")
    found = "; ".join(f"record {each.record}, {each.field}: {each.message}" for each in refused.errors[:_SHOWN_ERRORS])
    code, status = (552, "5.3.4") if error.status == 413 else (554, "5.6.0")
    return Answer(code, status, f"{error.message} ({error.code}){': ' if found else ''}{found}")
