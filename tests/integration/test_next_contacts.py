"""What does not arrive goes on to the next contact: attribution and the notifier on real databases, hand in hand.

Every event between the two comes twice, as after the death of either of them at any point.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from deploy.local.background import BackgroundStack
from libs.common.bookkeeping import counts_between
from libs.common.contracts import (
    Asset,
    Event,
    Indicator,
    IndicatorSettled,
    MailReturned,
    NotificationSent,
    RecipientsExhausted,
    RecipientUnreachable,
    TargetAttributed,
    ThreatVerified,
)
from libs.common.ids import new_id, record_id
from libs.common.outbox import waiting_events
from libs.common.service import Service
from libs.common.vocabulary import AssetKind, Language, Outcome, Permanence, ReturnKind, Severity, Trust
from services.attribution.domain.organisation_files import WrittenContact
from services.attribution.domain.organisations import OrganisationProfile, OrganisationRecord
from services.attribution.handlers import add_contact, add_organisation, register_asset
from services.notifier.domain.notification import Command, Notification, State, Wanted
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.replies import Answered
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import command_notification, suppress
from services.notifier.handlers.looking import dossier_of, newest_suppressions
from services.notifier.handlers.planner import close_due
from services.notifier.handlers.sending import Delivered, claim, deliver, record
from services.notifier.store import books, lists
from tests.databases import new_database
from tests.integration.deliveries.services import built
from tests.integration.models.post_office import TABLES
from tests.integration.test_notifier import LEASE, RETRY, SCRIBE, send
from tests.unit.notifier.builders import NOW, incident, target, trying_partner

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY_THERE = Answered(550, "5.1.1 There is no such mailbox")
CONTACTS = ("info@bakery.example", "desk@bakery.example", "owner@bakery.example", "fourth@bakery.example")
FIRST, SECOND, THIRD, FOURTH = CONTACTS


class Both:
    """The two services, and a clock that is put forward by hand."""

    def __init__(self, attribution: Service, notifier: Service) -> None:
        self._attribution = attribution
        self._notifier = notifier
        self.database = notifier.database
        self.relay = RememberingRelay()
        self.now = NOW
        self.said: list[Event] = []
        """By handlers, beside what waits in the outbox."""
        self._asked: set[object] = set()

    async def hear(self, *events: Event) -> list[Event]:
        """Let the notifier hear of events, each twice."""
        answers: list[Event] = []
        for event in events:
            handler = self._notifier.subscriptions[type(event)]
            for time in (1, 2):
                async with self.database.transaction() as tx:
                    answered = await handler([event], tx=tx, now=self.now)
                answers += answered if time == 1 else ()
        self.said += answers
        return answers

    async def attribute(self, threat: ThreatVerified) -> None:
        async with self._attribution.database.transaction() as tx:
            found = await self._attribution.subscriptions[ThreatVerified]([threat], tx=tx, now=self.now)
        await self.hear(*found)

    async def outbox(self) -> Sequence[Event]:
        async with self.database.transaction() as tx:
            return await waiting_events(tx)

    async def send(self) -> int:
        """Put the clock forward to when all is due, and send it."""
        self.now += timedelta(minutes=10)
        async with self.database.transaction() as tx:
            await close_due(tx, now=self.now, approval_confidence=0.3, limit=100)
        return await send(self.database, self.relay, now=self.now)

    async def ask_on(self) -> list[Event]:
        """Let attribution hear of whom nobody could reach, twice, and the notifier of its answers."""
        answers = await self.answers()
        await self.hear(*answers)
        return answers

    async def answers(self) -> list[Event]:
        """What attribution says of those whom nobody could reach, of whom it hears twice."""
        answers: list[Event] = []
        handler = self._attribution.subscriptions[RecipientUnreachable]
        for event in await self.outbox():
            if isinstance(event, RecipientUnreachable) and event.event_id not in self._asked:
                self._asked.add(event.event_id)
                async with self._attribution.database.transaction() as tx:
                    first = await handler([event], tx=tx, now=self.now)
                async with self._attribution.database.transaction() as tx:
                    assert list(await handler([event], tx=tx, now=self.now + timedelta(hours=1))) == list(first)
                answers += first
        return answers

    async def notifications(self) -> list[Notification]:
        """Oldest first."""
        async with self.database.transaction() as tx:
            return (await lists.newest_notifications(tx, Wanted(), before=None, limit=100))[::-1]

    async def outcomes(self) -> list[tuple[Outcome, str]]:
        """Each word to the partners."""
        events = [*self.said, *await self.outbox()]
        return [(event.outcome, event.reason) for event in events if isinstance(event, IndicatorSettled)]

    async def counted(self) -> Counter[str]:
        """What the books say, of all submissions."""
        first, last = UUID(int=0), UUID(int=2**128 - 1)
        async with self.database.transaction() as tx:
            found = await counts_between(tx, books.TARGETS, after=first, through=last, limit=100)
        sums: Counter[str] = Counter()
        for each in found:
            sums.update(each.ended)
            sums["waiting"] += sum(waiting.records for waiting in each.waiting)
        return +sums

    async def suppressed(self) -> dict[str, SuppressionReason]:
        async with self.database.transaction() as tx:
            found = await newest_suppressions(tx, before=None, limit=100)
        return {each.suppression.value: each.suppression.reason for each in found}

    async def happenings(self, notification: Notification) -> list[str]:
        async with self.database.transaction() as tx:
            return [each.what for each in (await dossier_of(tx, notification)).timeline]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(
    infrastructure: BackgroundStack, operator_public_key: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, Service]]:
    """Made once: setting up two databases takes longer than all tests of this file."""
    postgres, folder, key = infrastructure.endpoints.postgres, tmp_path_factory.mktemp("services"), operator_public_key
    async with (
        new_database(postgres) as one,
        new_database(postgres) as other,
        built("attribution", database_url=one, operator_public_key=key, folder=folder) as attribution,
        built("notifier", database_url=other, operator_public_key=key, folder=folder) as notifier,
    ):
        await register(attribution, "192.0.2.0/28", *CONTACTS)
        await register(attribution, "192.0.2.16/28", "only@shop.example")
        yield attribution, notifier


@pytest_asyncio.fixture(loop_scope="module")
async def both(services: tuple[Service, Service]) -> Both:
    """The two of them, which have heard of nothing but the incident."""
    attribution, notifier = services
    for service, tables in ((attribution, "attribution, continuation, unattributed"), (notifier, TABLES)):
        async with service.database.transaction() as tx:
            await tx.fetch(f"TRUNCATE {tables}")
    pair = Both(attribution, notifier)
    await pair.hear(incident())
    return pair


async def register(attribution: Service, network: str, *contacts: str) -> None:
    profile = OrganisationProfile(name=f"Owner of {network}", country="NL", language=Language.DUTCH)
    async with attribution.database.transaction() as tx:
        owner = await add_organisation(profile, tx=tx, by="ann", now=NOW)
        assert isinstance(owner, OrganisationRecord)
        await register_asset(owner.organisation_id, AssetKind.IP_RANGE, network, tx=tx, by="ann", now=NOW)
        for contact in contacts:
            await add_contact(owner.organisation_id, WrittenContact(contact), tx=tx, by="ann", now=NOW)


def threat(ip: str = "192.0.2.1") -> ThreatVerified:
    submission_id = new_id()
    return ThreatVerified(
        threat_id=new_id(),
        indicator_id=record_id(submission_id, 1),
        submission_id=submission_id,
        record=1,
        partner="demo",
        received_at=NOW,
        indicator=Indicator(seen_at=NOW, category="vulnerable", identifier="open-smb", asset=Asset(ip=ip, port=445)),
        incident="open-smb",
        severity=Severity.HIGH,
        grade="B2",
        confidence=0.8,
        first_seen_at=NOW,
    )


def bounce(
    about: Notification,
    *,
    permanence: Permanence = Permanence.PERMANENT,
    kind: ReturnKind = ReturnKind.BOUNCE,
    trust: Trust = Trust.TOKEN,
    address: str = "elsewhere@forward.example",
    at: datetime = NOW,
) -> MailReturned:
    return MailReturned(
        return_id=new_id(),
        notification_id=about.id,
        kind=kind,
        trust=trust,
        at=at,
        permanence=permanence if kind is ReturnKind.BOUNCE else None,
        code="5.1.1",
        detail="no such user",
        address=address,
    )


async def test_what_is_refused_goes_on_to_the_next_contact_under_the_same_reference(both: Both) -> None:
    both.relay = RememberingRelay({FIRST: NOBODY_THERE})
    await both.attribute(threat())
    await both.send()

    (refused,) = await both.notifications()
    assert (refused.state, refused.settled, refused.recipient.email) == (State.BOUNCED, False, FIRST)
    assert (await both.outcomes(), await both.counted()) == ([], {"waiting": 1})
    async with both.database.transaction() as tx:
        again = await command_notification(tx, refused.id, Command.RESEND, note="", by="ann", now=both.now)
    assert again is None, "it goes on; sending it again as well would tell two outcomes"

    await both.ask_on()
    assert await both.counted() == {"waiting": 1}
    await both.send()

    refused, second = await both.notifications()
    assert (second.state, second.recipient.email, second.contact) == (State.SENT, SECOND, 2)
    assert (second.continues, second.reference) == (refused.id, refused.reference)
    assert second.id != refused.id, "so it has a Message-ID of its own"
    assert await both.outcomes() == [(Outcome.NOTIFIED, refused.reference)]
    assert await both.counted() == {"notified": 1}
    assert [mail.recipient for mail in both.relay.mails] == [SECOND]
    assert await both.suppressed() == {FIRST: SuppressionReason.UNDELIVERABLE}
    assert await both.happenings(refused) == ["planned", "queued", "attempt", "bounced", "continued"]


async def test_what_bounces_later_goes_on_and_its_outcome_stands(both: Both) -> None:
    await both.attribute(threat())
    await both.send()
    (sent,) = await both.notifications()

    await both.hear(bounce(sent, at=both.now))
    (bounced,) = await both.notifications()
    assert (bounced.state, bounced.settled) == (State.BOUNCED, True)
    assert await both.suppressed() == {FIRST: SuppressionReason.BOUNCED}
    await both.ask_on()
    await both.send()

    _, second = await both.notifications()
    assert (second.state, second.recipient.email, second.continues) == (State.SENT, SECOND, sent.id)
    assert await both.outcomes() == [(Outcome.NOTIFIED, sent.reference)], "said once, when the relay took the first"
    assert await both.counted() == {"notified": 1}
    told = [event for event in await both.outbox() if isinstance(event, NotificationSent)]
    assert [event.reference for event in told] == 2 * [sent.reference]
    assert "bounce" in await both.happenings(bounced)


async def test_after_three_contacts_it_has_failed_once(both: Both) -> None:
    both.relay = RememberingRelay(dict.fromkeys(CONTACTS, NOBODY_THERE))
    await both.attribute(threat())
    for _ in range(4):
        await both.send()
        await both.ask_on()

    states = [(each.state, each.recipient.email) for each in await both.notifications()]
    assert states == [(State.BOUNCED, FIRST), (State.BOUNCED, SECOND), (State.FAILED, THIRD)]
    assert await both.outcomes() == [(Outcome.FAILED, "dead-address")]
    assert await both.counted() == {"failed": 1}


async def test_who_has_no_other_contact_has_failed_once(both: Both) -> None:
    both.relay = RememberingRelay({"only@shop.example": NOBODY_THERE})
    await both.attribute(threat("192.0.2.17"))
    await both.send()

    (answer,) = await both.ask_on()

    assert isinstance(answer, RecipientsExhausted)
    assert answer.evidence[0].answered == "could not be reached"
    assert await both.outcomes() == [(Outcome.FAILED, "unreachable")]
    assert await both.counted() == {"failed": 1}


async def test_the_last_contact_may_bounce_too_and_nothing_is_said_twice(both: Both) -> None:
    await both.attribute(threat("192.0.2.17"))
    await both.send()
    (sent,) = await both.notifications()
    await both.hear(bounce(sent))

    (answer,) = await both.ask_on()

    assert isinstance(answer, RecipientsExhausted)
    assert await both.outcomes() == [(Outcome.NOTIFIED, sent.reference)]
    assert await both.counted() == {"notified": 1}


async def test_threats_of_one_mail_go_on_in_one_mail(both: Both) -> None:
    both.relay = RememberingRelay({FIRST: NOBODY_THERE})
    for ip in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        await both.attribute(threat(ip))
    await both.send()
    await both.ask_on()
    await both.send()

    first, second = await both.notifications()
    assert (first.targets_total, second.targets_total) == (3, 3)
    assert await both.outcomes() == 3 * [(Outcome.NOTIFIED, first.reference)]
    assert await both.counted() == {"notified": 3}


async def test_a_complaint_silences_and_the_mail_has_arrived(both: Both) -> None:
    await both.attribute(threat())
    await both.send()
    (sent,) = await both.notifications()

    await both.hear(bounce(sent, kind=ReturnKind.COMPLAINT))
    assert await both.suppressed() == {FIRST: SuppressionReason.COMPLAINT}
    assert await both.ask_on() == []
    (after,) = await both.notifications()
    assert after.state is State.SENT
    assert "complaint" in await both.happenings(after)
    await both.attribute(threat("192.0.2.2"))
    assert (Outcome.SUPPRESSED, "complaint") in await both.outcomes()


@pytest.mark.parametrize("permanence", [Permanence.MAILBOX_FULL, Permanence.TEMPORARY])
async def test_an_address_is_dead_after_repeated_soft_bounces(both: Both, permanence: Permanence) -> None:
    for number in (1, 2, 3):
        await both.attribute(threat(f"192.0.2.{number}"))
        await both.send()
        newest = [each for each in await both.notifications() if each.recipient.email == FIRST][-1]
        assert await both.suppressed() == {}
        await both.hear(bounce(newest, permanence=permanence))
    assert await both.suppressed() == {FIRST: SuppressionReason.BOUNCED}
    assert {each.state for each in await both.notifications() if each.recipient.email == FIRST} == {State.BOUNCED}


async def test_a_refusal_by_policy_marks_nobody_and_goes_nowhere(both: Both) -> None:
    await both.attribute(threat())
    await both.send()
    (sent,) = await both.notifications()

    await both.hear(bounce(sent, permanence=Permanence.POLICY))

    (after,) = await both.notifications()
    assert (after.state, after.reason) == (State.BOUNCED, "policy")
    assert (await both.suppressed(), await both.ask_on()) == ({}, [])


async def test_what_nobody_should_believe_is_shown_and_does_nothing(both: Both) -> None:
    await both.attribute(threat())
    await both.send()
    (sent,) = await both.notifications()

    await both.hear(
        bounce(sent, trust=Trust.REFERENCE, address="somebody@else.example"),
        bounce(sent, kind=ReturnKind.AUTO_REPLY),
        msgspec.structs.replace(bounce(sent), notification_id=new_id()),
    )

    (after,) = await both.notifications()
    assert after.state is State.SENT
    assert (await both.suppressed(), await both.ask_on()) == ({}, [])
    assert Counter(await both.happenings(after)) >= Counter(["bounce", "auto-reply"])


async def test_a_bounce_of_a_test_is_shown_and_does_nothing(both: Both) -> None:
    await both.hear(target(to=trying_partner()))
    await both.send()
    (tried,) = await both.notifications()

    await both.hear(bounce(tried), bounce(tried, kind=ReturnKind.COMPLAINT))

    (after,) = await both.notifications()
    assert after.state is State.SENT
    assert (await both.suppressed(), await both.ask_on()) == ({}, [])
    assert Counter(await both.happenings(after)) >= Counter(["bounce", "complaint"])


async def test_a_bounce_that_is_here_before_the_relays_yes_waits_for_it(both: Both) -> None:
    await both.attribute(threat())
    both.now += timedelta(minutes=10)
    async with both.database.transaction() as tx:
        await close_due(tx, now=both.now, approval_confidence=0.3, limit=100)
        under_way = await claim(tx, now=both.now, lease=LEASE, limit=10)
    (sending,) = await both.notifications()

    await both.hear(bounce(sending))
    assert [each.state for each in await both.notifications()] == [State.SENDING]
    async with both.database.transaction() as tx:
        delivered: list[Delivered] = [
            await deliver(each, scribe=SCRIBE, relay=both.relay, policy=RETRY, now=both.now) for each in under_way
        ]
        await record(tx, delivered, now=both.now)
    await both.send()

    assert [each.state for each in await both.notifications()] == [State.BOUNCED]
    assert [type(answer) for answer in await both.ask_on()] == [TargetAttributed]


async def test_what_is_withdrawn_meanwhile_does_not_go_on(both: Both) -> None:
    """The sums hold also then: nobody was told, and the partner hears why."""
    both.relay = RememberingRelay({FIRST: NOBODY_THERE})
    await both.attribute(threat())
    await both.send()
    await both.ask_on()
    async with both.database.transaction() as tx:
        (_, second) = (await lists.newest_notifications(tx, Wanted(), before=None, limit=10))[::-1]
        await command_notification(tx, second.id, Command.CANCEL, note="", by="ann", now=both.now)

    assert await both.outcomes() == [(Outcome.SUPPRESSED, "cancelled")]
    assert await both.counted() == {"suppressed": 1}


async def test_a_next_contact_that_wants_no_mail_gets_none_and_nothing_more_is_said(both: Both) -> None:
    await both.attribute(threat())
    await both.send()
    (sent,) = await both.notifications()
    async with both.database.transaction() as tx:
        leaving = Suppression(value=SECOND, reason=SuppressionReason.OPT_OUT)
        await suppress(tx, leaving, note="", by="ann", now=both.now)

    await both.hear(bounce(sent))
    await both.ask_on()

    assert await both.send() == 0
    assert await both.outcomes() == [(Outcome.NOTIFIED, sent.reference)]
    assert await both.counted() == {"notified": 1}
