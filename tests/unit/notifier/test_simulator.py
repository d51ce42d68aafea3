"""Mail to `simulator.invalid` is answered without a relay; all other mail is handed on."""

from datetime import timedelta

import pytest

from services.notifier.domain.message import Mail
from services.notifier.domain.replies import (
    Answered,
    Deferred,
    Failed,
    Patience,
    Result,
    RetryPolicy,
    Sent,
    result_of,
)
from services.notifier.gateway.relay import RelayAway, RememberingRelay
from services.notifier.gateway.simulator import SimulatingRelay
from tests.unit.notifier.builders import NOW

POLICY = RetryPolicy(shortest=timedelta(minutes=15), longest=timedelta(hours=4), greatest_age=timedelta(hours=48))


def mail_to(recipient: str) -> Mail:
    return Mail(sender="bounces@tocsin.example", recipient=recipient, subject="x", content=b"x\r\n")


async def delivered_to(recipient: str, *, hours: int = 0) -> tuple[Result, RememberingRelay]:
    """While the relay is away, `hours` after the mail was queued."""
    relay = RememberingRelay()
    relay.away = True
    reply = await SimulatingRelay(relay).deliver(mail_to(recipient))
    patience = Patience(tries=1, doubts=0, queued_at=NOW)
    return result_of(reply, patience=patience, policy=POLICY, now=NOW + timedelta(hours=hours), chance=0.5), relay


@pytest.mark.parametrize("local_part", ["delivered", "complaint", "silent", "Delivered"])
async def test_what_is_taken_is_sent_and_no_relay_hears_of_it(local_part: str) -> None:
    result, relay = await delivered_to(f"{local_part}@simulator.invalid")
    assert isinstance(result, Sent)
    assert result.code == 250
    assert relay.mails == []


async def test_what_bounces_has_no_mailbox() -> None:
    result, _ = await delivered_to("bounced@simulator.invalid")
    assert isinstance(result, Failed)
    assert (result.code, result.text[:5], result.dead_address) == (550, "5.1.1", True)


async def test_what_is_deferred_expires_as_any_mail_does() -> None:
    first, _ = await delivered_to("deferred@simulator.invalid")
    last, _ = await delivered_to("deferred@simulator.invalid", hours=48)
    assert isinstance(first, Deferred)
    assert isinstance(last, Failed)
    assert last.reason == "expired"


async def test_another_name_is_refused_with_those_that_there_are() -> None:
    result, _ = await delivered_to("anybody@simulator.invalid")
    assert isinstance(result, Failed)
    assert "delivered, bounced, deferred, complaint, silent" in result.text


async def test_all_other_mail_is_handed_on() -> None:
    relay = RememberingRelay()
    simulating = SimulatingRelay(relay)
    assert await simulating.deliver(mail_to("info@jansen.example")) == Answered(250, "2.0.0 taken")
    assert [mail.recipient for mail in relay.mails] == ["info@jansen.example"]
    await simulating.close()
    with pytest.raises(RelayAway):
        await simulating.deliver(mail_to("info@jansen.example"))
