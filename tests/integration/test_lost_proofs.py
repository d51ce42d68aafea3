"""Who can't prove an asset any more is not told of it, also if the mail waits already: it is attributed anew.

Attribution and the notifier on real databases, hand in hand: every event between the two comes twice.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from libs.common.contracts import (
    AssetRegistered,
    Copy,
    Event,
    HandOver,
    RecipientsExhausted,
    RecipientUnreachable,
    TargetAttributed,
    ThreatVerified,
)
from libs.common.outbox import waiting_events
from libs.common.service import Service
from libs.common.vocabulary import AssetKind, Outcome, RecipientKind
from services.attribution.handlers import register_asset, revoke_proof, vouch_for_asset
from services.attribution.handlers.refusals import Refusal
from services.notifier.domain.notification import Command, State
from services.notifier.domain.replies import Answered
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.commands import command_notification
from services.notifier.store import proofs
from tests.integration.test_next_contacts import NOBODY_THERE, Both, both, register, services, threat
from tests.integration.test_notifier import somebody_waits_for_a_lock
from tests.integration.test_waiting_goes_on import WAITING, force, overdue_for_an_answer
from tests.unit.notifier.builders import NOW, recipient

__all__ = ["both", "services"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST, TENANT, LONER = "abuse@host.example", "info@tenant.example", "info@loner.example"
WHOLE, PART, ALONE, OTHER = "192.0.2.64/27", "192.0.2.64/28", "192.0.2.96/28", "192.0.2.112/28"
IN_PART, IN_ALONE, IN_OTHER = "192.0.2.65", "192.0.2.97", "192.0.2.113"
LATER = Answered(451, "4.7.1 Try again later")


class Owners:
    """A host, its tenant with a part of the host's network, and somebody who is alone in their two."""

    def __init__(self, both: Both, attribution: Service) -> None:
        self._both = both
        self._attribution = attribution
        self._told = 0

    async def register(self) -> None:
        async with self._attribution.database.transaction() as tx:
            known = await tx.fetch("SELECT FROM organisation_asset WHERE value = $1", WHOLE)
        if not known:
            await register(self._attribution, WHOLE, HOST)
            await register(self._attribution, PART, TENANT)
            await register(self._attribution, ALONE, LONER)
            organisation_id, _ = await self._asset(ALONE)
            async with self._attribution.database.transaction() as tx:
                await register_asset(organisation_id, AssetKind.IP_RANGE, OTHER, by="ann", tx=tx, now=NOW)
        for network in (PART, ALONE):
            await self.prove(network)
        await self.words()

    async def prove(self, network: str) -> None:
        organisation_id, asset_id = await self._asset(network)
        async with self._attribution.database.transaction() as tx:
            done = await vouch_for_asset(organisation_id, asset_id, note="seen", by="ann", tx=tx, now=self._both.now)
        assert not isinstance(done, Refusal)

    async def lose(self, network: str) -> None:
        organisation_id, asset_id = await self._asset(network)
        async with self._attribution.database.transaction() as tx:
            done = await revoke_proof(organisation_id, asset_id, note="left", by="ann", tx=tx, now=self._both.now)
        assert not isinstance(done, Refusal)

    async def words(self) -> list[AssetRegistered]:
        """What attribution has said since this was last asked."""
        async with self._attribution.database.transaction() as tx:
            said = [each for each in await waiting_events(tx) if isinstance(each, AssetRegistered)]
        new, self._told = said[self._told :], len(said)
        return new

    async def tell(self) -> None:
        self._both.now += timedelta(minutes=1)
        await self._both.hear(*await self.words())

    async def _asset(self, network: str) -> tuple[UUID, UUID]:
        async with self._attribution.database.transaction() as tx:
            [row] = await tx.fetch("SELECT organisation_id, asset_id FROM organisation_asset WHERE value = $1", network)
        return row["organisation_id"], row["asset_id"]


@pytest_asyncio.fixture(loop_scope="module")
async def owners(both: Both, services: tuple[Service, Service]) -> Owners:
    """All of them with their proofs."""
    found = Owners(both, services[0])
    await found.register()
    return found


async def questions(both: Both) -> Counter[UUID]:
    """How often it was asked anew who is told, by target."""
    asked = [each for each in await both.outbox() if isinstance(each, RecipientUnreachable)]
    assert all(each.is_unproven for each in asked)
    return Counter(each.target.target_id for each in asked)


async def attributed(services: tuple[Service, Service], threat: ThreatVerified) -> list[Event]:
    """What attribution says, before the notifier hears of it."""
    attribution, _ = services
    async with attribution.database.transaction() as tx:
        return list(await attribution.subscriptions[ThreatVerified]([threat], tx=tx, now=NOW))


def mailed(both: Both) -> list[str]:
    return [mail.recipient for mail in both.relay.mails]


@pytest.mark.parametrize("how", [how for how in WAITING if how != "is in doubt"])
async def test_whatever_waits_is_told_to_the_owner_of_the_network_instead(both: Both, owners: Owners, how: str) -> None:
    await both.attribute(threat(IN_PART))
    await force(both, "open-smb", **({"due_at": NOW + timedelta(hours=1)} | dict(WAITING[how])))
    await owners.lose(PART)
    await owners.tell()

    [waited] = await both.notifications()
    assert (waited.state, waited.reason, waited.targets_total) == (State.CANCELLED, "proof-lost", 0)
    assert (await both.outcomes(), await both.counted()) == ([], {"waiting": 1})
    assert set((await questions(both)).values()) == {1}
    assert await overdue_for_an_answer(both) == {str(waited.id): both.now}
    await both.ask_on()
    assert await overdue_for_an_answer(both) == {}
    await both.send()

    _, anew = await both.notifications()
    assert (anew.state, anew.recipient.email, anew.continues, anew.contact) == (State.SENT, HOST, None, 1)
    assert anew.reference != waited.reference, "the two have nothing in common"
    assert mailed(both) == [HOST]
    assert await both.outcomes() == [(Outcome.NOTIFIED, anew.reference)]
    assert await both.counted() == {"notified": 1}
    assert [each for each in await both.happenings(waited) if each != "queued"] == [
        "planned",
        "cancelled",
        "proof-lost",
        "attributed-anew",
    ]


async def test_what_else_the_mail_tells_goes_out_and_nobody_else_may_be_known(both: Both, owners: Owners) -> None:
    await both.attribute(threat(IN_ALONE))
    await both.attribute(threat(IN_OTHER))
    await owners.lose(ALONE)
    await owners.tell()

    [mail] = await both.notifications()
    assert (mail.state, mail.targets_total) == (State.PLANNED, 1)
    [answer] = await both.ask_on()
    assert isinstance(answer, RecipientsExhausted)
    await both.send()

    assert mailed(both) == [LONER]
    assert await both.outcomes() == [(Outcome.UNATTRIBUTABLE, "proof-lost"), (Outcome.NOTIFIED, mail.reference)]
    assert await both.counted() == {"unattributable": 1, "notified": 1}
    happenings = await both.happenings(mail)
    assert {"proof-lost", "exhausted"} < set(happenings)
    assert await overdue_for_an_answer(both) == {}


async def test_what_comes_after_the_word_is_told_to_nobody_who_lost_it(
    both: Both, owners: Owners, services: tuple[Service, Service]
) -> None:
    late = await attributed(services, threat(IN_PART))
    await owners.lose(PART)
    await owners.tell()
    await both.hear(*late)

    assert set((await questions(both)).values()) == {1}
    await both.ask_on()
    await both.hear(*late)
    await both.send()

    assert mailed(both) == [HOST]
    assert [outcome for outcome, _ in await both.outcomes()] == [Outcome.NOTIFIED]
    assert await both.counted() == {"notified": 1}


async def test_who_has_proven_it_again_is_told_whatever_order_the_words_come_in(both: Both, owners: Owners) -> None:
    await owners.lose(PART)
    await owners.tell()
    await owners.prove(PART)
    await both.attribute(threat(IN_PART))
    assert not await questions(both), "it was attributed after the new proof, of which the word is still under way"

    await owners.lose(PART)
    await owners.prove(PART)
    lost, proven = (await owners.words())[-2:]
    assert (lost.is_registered, proven.is_registered) == (False, True)
    await both.hear(proven, lost)
    await both.send()

    assert mailed(both) == [TENANT]
    assert not await questions(both)


async def test_a_mail_under_way_is_found_when_the_sender_takes_it_up_again(both: Both, owners: Owners) -> None:
    both.relay = RememberingRelay({TENANT: LATER})
    await both.attribute(threat(IN_PART))
    await both.send()
    await owners.lose(PART)
    async with both.database.transaction() as tx:
        await proofs.record_words(tx, await owners.words())

    both.relay = RememberingRelay()
    both.now += timedelta(hours=1)
    await both.send()
    await both.ask_on()
    await both.send()

    assert mailed(both) == [HOST]
    assert set((await questions(both)).values()) == {1}
    assert await both.counted() == {"notified": 1}


async def test_a_loss_waits_for_what_is_being_planned_and_finds_it(
    both: Both, owners: Owners, services: tuple[Service, Service]
) -> None:
    _, notifier = services
    found = await attributed(services, threat(IN_PART))
    await owners.lose(PART)
    words = await owners.words()
    async with both.database.transaction() as tx:
        await notifier.subscriptions[TargetAttributed](found, tx=tx, now=NOW)
        hearing = asyncio.create_task(both.hear(*words))
        await somebody_waits_for_a_lock(both.database)
    await hearing

    assert set((await questions(both)).values()) == {1}
    assert [each.state for each in await both.notifications()] == [State.CANCELLED]


async def test_a_copy_is_taken_back_with_it_and_nobody_is_asked_in_its_place(
    both: Both, owners: Owners, services: tuple[Service, Service]
) -> None:
    team = recipient(kind=RecipientKind.NATIONAL_CERT, name="Team", email="desk@team.example")
    copy = Copy(recipient=team, handed_over=HandOver(reason="also-warned", organisation="Tenant"))
    [found] = await attributed(services, threat(IN_PART))
    assert isinstance(found, TargetAttributed)
    await both.hear(msgspec.structs.replace(found, copies=(copy,)))
    await owners.lose(PART)
    await owners.tell()

    assert await questions(both) == {found.target_id: 1}
    assert [each.state for each in await both.notifications()] == 2 * [State.CANCELLED]
    await both.ask_on()
    await both.send()
    assert mailed(both) == [HOST]
    assert await both.counted() == {"notified": 1}
    assert await overdue_for_an_answer(both) == {}


async def test_a_test_rests_on_nothing_since_it_tells_nobody_whom_it_found(
    owners: Owners, services: tuple[Service, Service]
) -> None:
    trial = msgspec.structs.replace(threat(IN_PART), test_mails_to="delivered@simulator.invalid")
    [found] = await attributed(services, trial)

    assert isinstance(found, TargetAttributed)
    assert [step.rests_on for step in found.evidence] == [None]


@pytest.mark.parametrize(("is_sent_again", "state"), [(False, State.SENT), (True, State.CANCELLED)])
async def test_what_was_sent_stays_so_and_what_is_sent_once_more_leaves_it_out(
    both: Both, owners: Owners, is_sent_again: bool, state: State
) -> None:
    await both.attribute(threat(IN_PART))
    await both.send()
    [sent] = await both.notifications()
    if is_sent_again:
        async with both.database.transaction() as tx:
            await command_notification(tx, sent.id, Command.RESEND, note="", by="ann", now=both.now)
    await owners.lose(PART)
    await owners.tell()
    await both.send()

    assert mailed(both) == [TENANT]
    assert [each.state for each in await both.notifications()] == [state]
    assert not await questions(both)
    assert await both.outcomes() == [(Outcome.NOTIFIED, sent.reference)], "it was said, and stands"
    assert await both.counted() == {"notified": 1}


async def test_who_is_told_instead_may_be_out_of_reach_and_the_record_has_one_outcome(
    both: Both, owners: Owners
) -> None:
    both.relay = RememberingRelay({HOST: NOBODY_THERE})
    await both.attribute(threat(IN_PART))
    await owners.lose(PART)
    await owners.tell()
    await both.ask_on()
    await both.send()
    assert await both.counted() == {"waiting": 1}
    await both.ask_on()

    assert await both.outcomes() == [(Outcome.FAILED, "unreachable")]
    assert await both.counted() == {"failed": 1}
