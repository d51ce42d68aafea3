"""What waits for an address that is found dead goes on too, and what nobody was left for goes on once a person asks.

Attribution and the notifier on real databases, hand in hand: every event between the two comes twice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.contracts import (
    NotificationSent,
    RecipientsExhausted,
    RecipientUnreachable,
    TargetAttributed,
    ThreatVerified,
)
from libs.common.errors import Permanent
from libs.common.ids import new_id
from libs.common.problems import Problem
from libs.common.security import Operator, Role, sign_operator_token
from libs.common.service import Service
from libs.common.vocabulary import IncidentState, Outcome
from services.attribution.domain.organisation_files import WrittenContact
from services.attribution.handlers import add_contact
from services.notifier.domain.notification import Command, Consignment, Notification, State
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import Answered
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import command_notification, suppress
from services.notifier.handlers.continuing import ask_again
from services.notifier.handlers.looking import dossier_of, end_suppression, newest_suppressions, notification_named
from services.notifier.handlers.planner import close_due
from services.notifier.handlers.sending import Delivered, claim, deliver, record
from services.notifier.store import books, orders
from tests.integration.test_next_contacts import (
    CONTACTS,
    FIRST,
    FOURTH,
    NOBODY_THERE,
    SECOND,
    THIRD,
    Both,
    both,
    bounce,
    register,
    services,
    threat,
)
from tests.integration.test_notifier import LEASE, RETRY, SCRIBE
from tests.unit.notifier.builders import NOW, incident

__all__ = ["both", "services"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = timedelta(hours=1)
ONLY = "only@shop.example"
OTHERS = ("open-rdp", "open-dns", "open-ldap")


def about(slug: str, ip: str = "192.0.2.1") -> ThreatVerified:
    return msgspec.structs.replace(threat(ip), incident=slug)


async def approve(both: Both, *slugs: str, state: IncidentState = IncidentState.APPROVED, revision: int = 1) -> None:
    for slug in slugs:
        await both.hear(msgspec.structs.replace(incident(), slug=slug, state=state, revision=revision))


async def force(both: Both, slug: str, **columns: object) -> None:
    """Let the mail about this incident wait in some other way than it does."""
    names = list(columns)
    values = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, start=2))
    async with both.database.transaction() as tx:
        await tx.fetch(f"UPDATE notifications SET {values} WHERE incident = $1", slug, *columns.values())


async def mails_about(both: Both, slug: str) -> list[Notification]:
    return [each for each in await both.notifications() if each.incident == slug]


async def asked(both: Both) -> Counter[UUID]:
    """How often somebody else was asked for, by target."""
    return Counter(each.target.target_id for each in await both.outbox() if isinstance(each, RecipientUnreachable))


async def overdue_for_an_answer(both: Both) -> dict[str, datetime]:
    async with both.database.transaction() as tx:
        return {row["id"]: row["since"] for row in await tx.fetch(books.WITHOUT_NEXT_CONTACT)}


async def mended(both: Both, services: tuple[Service, Service], network: str, contact: str) -> None:
    """Whoever has this network has another contact from now on."""
    attribution, _ = services
    async with attribution.database.transaction() as tx:
        [row] = await tx.fetch("SELECT organisation_id FROM organisation_asset WHERE value = $1", network)
        await add_contact(row["organisation_id"], WrittenContact(contact), tx=tx, by="ann", now=NOW)


async def ask_on_by_a_person(both: Both, notification: Notification) -> Notification:
    both.now += timedelta(minutes=1)
    async with both.database.transaction() as tx:
        return await ask_again(tx, notification.id, note="has a new address", by="ann", now=both.now)


async def refused(both: Both, notification: Notification) -> str:
    with pytest.raises(Problem) as caught:
        await ask_on_by_a_person(both, notification)
    assert caught.value.status == 409
    return caught.value.detail or ""


async def taken_up(both: Both) -> Sequence[Consignment]:
    """All that is due is under way at the relay."""
    async with both.database.transaction() as tx:
        await close_due(tx, now=both.now, approval_confidence=0.3, limit=100)
        return await claim(tx, now=both.now, lease=LEASE, limit=10)


async def two_under_way(both: Both) -> Sequence[Consignment]:
    """About two incidents, to one address, which turns out to be dead."""
    both.relay = RememberingRelay({FIRST: NOBODY_THERE})
    await approve(both, "open-rdp")
    await both.attribute(about("open-rdp"))
    await force(both, "open-rdp", due_at=NOW + HOUR)
    await both.attribute(threat())
    both.now += timedelta(minutes=10)
    return await taken_up(both)


async def answered(both: Both, under_way: Sequence[Consignment]) -> list[Delivered]:
    return [await deliver(each, scribe=SCRIBE, relay=both.relay, policy=RETRY, now=both.now) for each in under_way]


WAITING: Mapping[str, Mapping[str, object]] = {
    "is still gathered": {},
    "waits for a round-up": {"due_at": NOW + 20 * HOUR, "wait": "round-up"},
    "waits for quiet hours": {"state": "queued", "next_attempt_at": NOW + 20 * HOUR, "wait": "quiet-hours"},
    "waits for a day with room": {
        "state": "queued",
        "next_attempt_at": NOW + 20 * HOUR,
        "held_since": NOW,
        "wait": "recipient-cap",
    },
    "is queued": {"state": "queued", "next_attempt_at": NOW + HOUR},
    "waits behind a hold": {"state": "queued", "next_attempt_at": NOW, "is_held": True},
    "waits for a person": {"state": "awaiting-approval"},
    "was deferred": {"state": "deferred", "next_attempt_at": NOW + 20 * HOUR, "tries": 3},
    "is in doubt": {"state": "in-doubt", "next_attempt_at": NOW + 20 * HOUR, "tries": 1, "doubts": 1},
}


@pytest.mark.parametrize("how", WAITING)
async def test_whatever_waits_for_a_dead_address_goes_on_under_its_own_reference(both: Both, how: str) -> None:
    both.relay = RememberingRelay({FIRST: NOBODY_THERE})
    await approve(both, "open-rdp")
    await both.attribute(about("open-rdp"))
    await force(both, "open-rdp", **({"due_at": NOW + HOUR} | dict(WAITING[how])))
    await both.attribute(threat())
    await both.send()

    [waited] = await mails_about(both, "open-rdp")
    assert (waited.state, waited.reason, waited.settled) == (State.BOUNCED, "undeliverable", False)
    assert (await both.outcomes(), await both.counted()) == ([], {"waiting": 2})
    assert set((await asked(both)).values()) == {1}
    await both.ask_on()
    await both.send()

    _, second = await mails_about(both, "open-rdp")
    assert (second.state, second.recipient.email, second.contact) == (State.SENT, SECOND, 2)
    assert (second.continues, second.reference) == (waited.id, waited.reference)
    assert [mail.recipient for mail in both.relay.mails] == [SECOND, SECOND]
    references = {each.reference for each in await both.notifications()}
    assert len(references) == 2
    assert Counter(await both.outcomes()) == Counter((Outcome.NOTIFIED, each) for each in references)
    assert await both.counted() == {"notified": 2}
    assert (await both.happenings(waited))[-2:] == ["passed-on", "continued"]
    assert "attempt" not in await both.happenings(waited)


async def test_what_waits_when_a_mail_comes_back_goes_on_too(both: Both) -> None:
    await approve(both, *OTHERS)
    await both.attribute(threat())
    await both.send()
    (sent,) = await both.notifications()
    for slug in OTHERS:
        await both.attribute(about(slug))

    both.now += timedelta(minutes=1)
    await both.hear(bounce(sent, at=both.now))
    await both.ask_on()
    await both.send()

    for slug in OTHERS:
        waited, second = await mails_about(both, slug)
        assert (waited.state, waited.reason) == (State.BOUNCED, "bounced")
        assert (second.state, second.recipient.email, second.reference) == (State.SENT, SECOND, waited.reference)
    assert await both.counted() == {"notified": 4}
    assert set((await asked(both)).values()) == {1}
    told = Counter(each.reference for each in await both.outbox() if isinstance(each, NotificationSent))
    assert sorted(told.values()) == [1, 1, 1, 2], "only what came back was told twice, to two contacts"


async def test_what_is_found_after_the_address_was_goes_on_in_one_mail(both: Both) -> None:
    both.relay = RememberingRelay({FIRST: NOBODY_THERE})
    await both.attribute(threat())
    await both.send()
    await both.ask_on()
    await both.send()

    for ip in ("192.0.2.2", "192.0.2.3"):
        await both.attribute(threat(ip))
        assert (await both.notifications())[-1].state is State.PLANNED, "others may join it"
    await both.send()
    await both.ask_on()
    await both.send()

    *_, later, second = await both.notifications()
    assert (later.state, later.recipient.email, later.tries) == (State.BOUNCED, FIRST, 0)
    assert (second.state, second.recipient.email, second.targets_total) == (State.SENT, SECOND, 2)
    assert second.reference == later.reference
    assert [mail.recipient for mail in both.relay.mails] == [SECOND, SECOND]
    assert await both.counted() == {"notified": 3}


async def test_only_when_nobody_is_left_it_is_suppressed_or_has_failed(both: Both) -> None:
    """The first two are known to be dead before anything is found; the third turns out to be while it waits."""
    both.relay = RememberingRelay({THIRD: NOBODY_THERE})
    async with both.database.transaction() as tx:
        for email in (FIRST, SECOND):
            dead = Suppression(value=email, reason=SuppressionReason.UNDELIVERABLE)
            await suppress(tx, dead, note="", by="ann", now=NOW)
    await approve(both, "open-rdp")
    await both.attribute(threat())
    await both.attribute(about("open-rdp"))
    for _ in range(2):
        await both.send()
        await both.ask_on()
    await force(both, "open-rdp", due_at=both.now + 20 * HOUR)
    assert await both.outcomes() == []

    await both.send()

    contacts = [each.recipient.email for each in await mails_about(both, "open-smb")]
    assert contacts == [FIRST, SECOND, THIRD]
    assert Counter(await both.outcomes()) == Counter(
        [(Outcome.FAILED, "dead-address"), (Outcome.SUPPRESSED, "undeliverable")]
    )
    assert await both.counted() == {"failed": 1, "suppressed": 1}
    assert await both.ask_on() == [], "three were tried"


async def test_who_has_no_other_contact_has_failed_for_all_that_waited(both: Both) -> None:
    both.relay = RememberingRelay({ONLY: NOBODY_THERE})
    await approve(both, "open-rdp")
    await both.attribute(about("open-rdp", "192.0.2.17"))
    await force(both, "open-rdp", due_at=NOW + HOUR)
    await both.attribute(threat("192.0.2.17"))
    await both.send()

    answers = await both.ask_on()

    assert [type(each) for each in answers] == [RecipientsExhausted] * 2
    assert await both.outcomes() == 2 * [(Outcome.FAILED, "unreachable")]
    assert await both.counted() == {"failed": 2}
    [waited] = await mails_about(both, "open-rdp")
    assert (await both.happenings(waited))[-2:] == ["passed-on", "exhausted"]


async def test_a_mail_under_way_that_is_deferred_meanwhile_goes_on_and_is_not_tried_again(both: Both) -> None:
    await approve(both, "open-rdp")
    await both.attribute(threat())
    await both.attribute(about("open-rdp"))
    both.now += HOUR
    under_way = await taken_up(both)
    replies = {"open-smb": NOBODY_THERE, "open-rdp": Answered(451, "4.3.0 Later")}
    for each in under_way:
        both.relay = RememberingRelay({FIRST: replies[each.notification.incident]})
        answers = await answered(both, [each])
        async with both.database.transaction() as tx:
            await record(tx, answers, now=both.now)

    both.now += HOUR
    assert await both.send() == 0
    await both.ask_on()
    await both.send()

    assert [each.state for each in await both.notifications()] == [State.BOUNCED] * 2 + [State.SENT] * 2
    assert [mail.recipient for mail in both.relay.mails] == [SECOND, SECOND]
    assert await both.counted() == {"notified": 2}


async def test_a_mail_that_was_planned_while_its_address_was_found_dead_goes_on_when_it_is_due(both: Both) -> None:
    await both.attribute(threat())
    dead = Suppression(value=FIRST, reason=SuppressionReason.UNDELIVERABLE)
    async with both.database.transaction() as tx:
        await orders.record_suppressions(tx, [dead], note="", by="notifier", now=both.now)

    assert await both.send() == 0
    await both.ask_on()
    await both.send()

    assert [mail.recipient for mail in both.relay.mails] == [SECOND]
    assert await both.counted() == {"notified": 1}


async def test_who_asked_for_no_mail_is_not_passed_by(both: Both) -> None:
    """The address turns out to be dead afterwards: its owner's word stands."""
    under_way = await two_under_way(both)
    async with both.database.transaction() as tx:
        left = Suppression(value=FIRST, reason=SuppressionReason.OPT_OUT)
        await orders.record_suppressions(tx, [left], note="", by="feedback", now=both.now)
    answers = await answered(both, under_way)
    async with both.database.transaction() as tx:
        await record(tx, answers, now=both.now)

    assert await both.outcomes() == [(Outcome.SUPPRESSED, "opt-out")]


async def test_who_dies_before_it_is_kept_has_asked_nothing(both: Both) -> None:
    answers = await answered(both, await two_under_way(both))
    with pytest.raises(Permanent):
        async with both.database.transaction() as tx:
            await record(tx, answers, now=both.now)
            raise Permanent("it dies here")
    assert (await asked(both), await both.suppressed()) == ({}, {})

    for _ in range(2):
        async with both.database.transaction() as tx:
            await record(tx, answers, now=both.now)

    assert sorted((await asked(both)).values()) == [1, 1]


async def test_once_the_contact_is_mended_a_person_lets_it_go_on(both: Both, services: tuple[Service, Service]) -> None:
    await register(services[0], "192.0.2.32/28", "old@florist.example")
    both.relay = RememberingRelay({"old@florist.example": NOBODY_THERE})
    await both.attribute(threat("192.0.2.33"))
    await both.send()
    (gone,) = await both.notifications()
    assert "being asked for" in await refused(both, gone)
    await both.ask_on()
    said = [(Outcome.FAILED, "unreachable")]
    assert (await both.outcomes(), await both.counted()) == (said, {"failed": 1})

    await ask_on_by_a_person(both, gone)
    assert str(gone.id) in await overdue_for_an_answer(both)
    assert "being asked for" in await refused(both, gone)
    [still_nobody] = await both.ask_on()
    assert isinstance(still_nobody, RecipientsExhausted)
    assert await overdue_for_an_answer(both) == {}

    await mended(both, services, "192.0.2.32/28", "new@florist.example")
    await ask_on_by_a_person(both, gone)
    await both.ask_on()
    await both.send()

    gone, second = await both.notifications()
    assert (second.state, second.recipient.email) == (State.SENT, "new@florist.example")
    assert (second.continues, second.reference) == (gone.id, gone.reference)
    assert [mail.recipient for mail in both.relay.mails] == ["new@florist.example"]
    assert (await both.outcomes(), await both.counted()) == (said, {"failed": 1}), "it was said, and stays so"
    assert (gone.decided_by, gone.note) == ("ann", "has a new address")
    happened = await both.happenings(gone)
    assert [each for each in happened if each in {"decided", "asked-again", "continued"}] == [
        *("decided", "asked-again", "continued")
    ]
    assert "look at the notification" in await refused(both, gone)
    assert await overdue_for_an_answer(both) == {}


async def test_of_one_mail_a_part_goes_on_by_itself_and_the_rest_once_a_person_asks(
    both: Both, services: tuple[Service, Service]
) -> None:
    """Two companies have one address, and one of them another as well."""
    await register(services[0], "192.0.2.48/29", "shared@accountant.example", "own@tailor.example")
    await register(services[0], "192.0.2.56/29", "shared@accountant.example")
    both.relay = RememberingRelay({"shared@accountant.example": NOBODY_THERE})
    for ip in ("192.0.2.49", "192.0.2.57"):
        await both.attribute(threat(ip))
    await both.send()
    answers = await both.ask_on()
    assert {type(each) for each in answers} == {TargetAttributed, RecipientsExhausted}
    (shared, _) = await both.notifications()
    assert (shared.targets_total, shared.settled) == (2, False)
    assert "being gathered" in await refused(both, shared)
    await both.send()
    assert await both.counted() == {"notified": 1, "failed": 1}

    await mended(both, services, "192.0.2.56/29", "own@cobbler.example")
    await ask_on_by_a_person(both, shared)
    await both.ask_on()
    await both.send()

    assert [mail.recipient for mail in both.relay.mails] == ["own@tailor.example", "own@cobbler.example"]
    assert {each.reference for each in await both.notifications()} == {shared.reference}
    assert sorted(await both.outcomes()) == [(Outcome.FAILED, "unreachable"), (Outcome.NOTIFIED, shared.reference)]
    assert await both.counted() == {"notified": 1, "failed": 1}


async def test_a_person_may_go_on_past_three_contacts(both: Both) -> None:
    both.relay = RememberingRelay(dict.fromkeys(CONTACTS[:3], NOBODY_THERE))
    await both.attribute(threat())
    for _ in range(3):
        await both.send()
        await both.ask_on()
    first, _, third = await both.notifications()
    assert (third.state, third.settled) == (State.FAILED, True)
    assert "look at the notification" in await refused(both, first)

    await ask_on_by_a_person(both, third)
    await both.ask_on()
    await both.send()

    *_, third, fourth = await both.notifications()
    assert (third.state, fourth.state) == (State.BOUNCED, State.SENT)
    assert (fourth.recipient.email, fourth.reference, fourth.contact) == (FOURTH, first.reference, 4)
    assert await both.outcomes() == [(Outcome.FAILED, "dead-address")]
    assert await both.counted() == {"failed": 1}


async def test_what_was_refused_for_policy_goes_on_only_if_a_person_says_so(both: Both) -> None:
    both.relay = RememberingRelay({FIRST: Answered(550, "5.7.1 We do not like you")})
    await both.attribute(threat())
    await both.send()
    (disliked,) = await both.notifications()
    assert disliked.state is State.FAILED

    await ask_on_by_a_person(both, disliked)
    await both.ask_on()
    await both.send()

    assert [mail.recipient for mail in both.relay.mails] == [SECOND]
    assert await both.counted() == {"failed": 1}


async def test_nobody_is_asked_for_where_it_makes_no_sense(both: Both) -> None:
    await both.attribute(threat())
    await both.send()
    (sent,) = await both.notifications()
    assert "has not failed to arrive" in await refused(both, sent)

    both.relay = RememberingRelay({ONLY: NOBODY_THERE})
    await both.attribute(threat("192.0.2.17"))
    await both.send()
    await both.ask_on()
    await approve(both, "open-smb", state=IncidentState.CLOSED, revision=9)
    closed = (await both.notifications())[-1]
    assert "incident is closed" in await refused(both, closed)
    with pytest.raises(Problem) as caught:
        await ask_on_by_a_person(both, msgspec.structs.replace(closed, id=new_id()))
    assert caught.value.status == 404


async def test_once_the_mailbox_is_mended_it_is_sent_again_and_its_outcome_stays(both: Both) -> None:
    both.relay = RememberingRelay({ONLY: NOBODY_THERE})
    await both.attribute(threat("192.0.2.17"))
    await both.send()
    await both.ask_on()
    (gone,) = await both.notifications()
    assert gone.settled, "nothing of it is open"
    async with both.database.transaction() as tx:
        with pytest.raises(Problem, match="follow this now"):
            await command_notification(tx, gone.id, Command.RESEND, note="", by="ann", now=both.now)
        for each in await newest_suppressions(tx, before=None, limit=9):
            await end_suppression(tx, each.id, by="ann", now=both.now)
        assert await command_notification(tx, gone.id, Command.RESEND, note="", by="ann", now=both.now)

    both.relay = RememberingRelay()
    await both.send()

    (sent,) = await both.notifications()
    assert (sent.state, [mail.recipient for mail in both.relay.mails]) == (State.SENT, [ONLY])
    assert await both.outcomes() == [(Outcome.FAILED, "unreachable")]
    assert await both.counted() == {"failed": 1}
    async with both.database.transaction() as tx:
        found = await notification_named(tx, gone.reference)
        assert found is not None
        assert "exhausted" in [each.what for each in (await dossier_of(tx, found)).timeline]


async def test_it_takes_an_approver_and_one_call(
    both: Both, services: tuple[Service, Service], operator_key: Ed25519PrivateKey
) -> None:
    await register(services[0], "192.0.2.64/29", "old@tanner.example")
    both.relay = RememberingRelay({"old@tanner.example": NOBODY_THERE})
    await both.attribute(threat("192.0.2.65"))
    await both.send()
    await both.ask_on()
    (gone,) = await both.notifications()
    await mended(both, services, "192.0.2.64/29", "new@tanner.example")

    async def order(role: Role, notification_id: UUID = gone.id) -> httpx.Response:
        today = datetime.now(UTC)
        token = sign_operator_token(
            operator_key, operator=Operator("ann", role), now=today, expires=today + timedelta(hours=1)
        )
        transport, headers = httpx.ASGITransport(services[1].api), {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
            return await client.post(f"/v1/notifications/{notification_id}/continue", json={"note": "They moved"})

    assert (await order(Role.ANALYST)).status_code == 403
    assert (await order(Role.APPROVER, new_id())).status_code == 404
    done = await order(Role.APPROVER)
    again = await order(Role.APPROVER)
    await both.ask_on()
    await both.send()

    assert (done.status_code, again.status_code) == (200, 409)
    view = done.json()
    assert (view["state"], view["decided_by"], view["note"]) == ("bounced", "ann", "They moved")
    assert "being asked for" in again.json()["detail"]
    assert [mail.recipient for mail in both.relay.mails] == ["new@tanner.example"]
    assert {each.reference for each in await both.notifications()} == {gone.reference}
