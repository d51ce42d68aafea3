"""A sample that a person at the desk has sent to themselves: the mail as it would travel, about findings made up."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, assert_never

import msgspec
import structlog

from libs.common.addresses import canonical_email
from libs.common.db import Transaction
from libs.common.problems import Problem
from libs.common.simulator import is_simulated
from services.notifier.domain.meanings import Meaning, Stage
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment
from services.notifier.domain.replies import Answered, Lost, Reply, TooLarge, Unwritable, Withheld
from services.notifier.gateway.relay import Relay, RelayAway
from services.notifier.handlers.scribe import Scribe
from services.notifier.store.brakes import brakes_on

log = structlog.get_logger(__name__)


class Desk(msgspec.Struct, frozen=True):
    """To addresses of which domains a sample may go, and the way there: opened for one mail."""

    domains: Sequence[str]
    open_relay: Callable[[], Relay]

    def address_of(self, text: str) -> str:
        """In canonical spelling. Raises the 422 problem for one that is not the house's own."""
        email = canonical_email(text)
        domain = (email or "").rpartition("@")[2].lower()
        if email is None or not (is_simulated(email) or domain in self.domains):
            named = ", ".join(self.domains)
            raise Problem(422, "not-our-address", "A sample goes to the house itself", f"To an address at {named}.")
        return email


State = Literal["sent", "rehearsed", "refused", "in-doubt"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a sample; in a dry run it is `rehearsed`."""

    mail: Mail
    state: State
    smtp_code: int | None
    detail: str


async def require_no_brake(tx: Transaction, *, incident: str, email: str) -> None:
    """Raise the 409 problem while a brake is on that would hold such a mail: it holds this one too."""
    domain = email.rpartition("@")[2].lower()
    stopping = await brakes_on(tx, incident=incident, domain=domain)
    if stopping:
        raise Problem(
            409, "brake-engaged", "A brake is engaged", stopping[0].reason or "Nothing leaves until it is off."
        )


async def send_sample(consignment: Consignment, *, desk: Desk, scribe: Scribe, by: str, now: datetime) -> Outcome:
    """Hand it over now, once: nothing is kept of it but a line in the log. Raises the 503 problem without a relay."""
    mail = scribe.write_sample(consignment, now=now)
    relay = desk.open_relay()
    try:
        reply = await relay.deliver(mail)
    except RelayAway as error:
        raise Problem(503, "relay-away", "The mail relay is away", str(error)) from error
    finally:
        await relay.close()
    outcome = _outcome(mail, reply)
    log.info("sample sent", incident=consignment.incident.slug, by=by, state=outcome.state)
    return outcome


def _outcome(mail: Mail, reply: Reply) -> Outcome:
    match reply:
        case Answered(code=code, text=text):
            return Outcome(mail=mail, state=_state(reply), smtp_code=code, detail=text)
        case Lost(detail):
            return Outcome(mail=mail, state="in-doubt", smtp_code=None, detail=detail)
        case Unwritable(detail) | Withheld(detail):
            return Outcome(mail=mail, state="refused", smtp_code=None, detail=detail)
        case TooLarge():
            return Outcome(mail=mail, state="refused", smtp_code=None, detail=reply.detail)
        case _:
            assert_never(reply)


def _state(answered: Answered) -> State:
    if answered.meaning is not Meaning.ACCEPTED:
        return "refused"
    return "sent" if answered.at is Stage.CONTENT else "rehearsed"
