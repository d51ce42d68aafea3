"""A partner is told of each submission that is settled, at least once, whatever crashes or says no."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from standardwebhooks.webhooks import Webhook

from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Outcome
from services.intake.app import office_of
from services.intake.domain.records import PayloadError
from services.intake.domain.submissions import Status, Tally
from services.intake.domain.webhooks.deliveries import Answer, attempted
from services.intake.domain.webhooks.signatures import signed_headers
from services.intake.handlers.delivering import DisabledCount
from services.intake.handlers.processing import finish, give_up
from services.intake.store import submissions
from services.intake.store.webhooks import events, sending
from tests.integration.receipts.conftest import LEASE, Intake
from tests.unit.intake.receiver import Received, receiving

HOOK = "/v1/partners/me/webhook"
SECOND = timedelta(seconds=1)
WAITING = """
    SELECT count(*) AS number FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def told(requests: list[Received]) -> list[tuple[UUID, int]]:
    """Submission and sequence of each event."""
    bodies = [json.loads(request.body) for request in requests]
    return [(UUID(body["data"]["id"]), body["sequence"]) for body in bodies]


async def test_the_last_outcome_of_a_submission_brings_its_receipt(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver, intake.delivering():
        secret = await partner.set_webhook(receiver.url)
        submission_id = await intake.submission(partner, pending=3)
        await intake.settle(submission_id, 1, 3)
        assert await partner.deliveries() == []
        await intake.settle(submission_id, 2, outcome=Outcome.DUPLICATE)

        (request,) = await receiver.received(1)
        event = Webhook(secret).verify(request.body, dict(request.headers))
        assert event["type"] == "submission.settled"
        assert event["data"] == await partner.receipt(submission_id)
        assert event["data"]["outcomes"] == {"notified": 2, "duplicate": 1}
        assert b"=1 is not an IP address" in request.body


async def test_news_that_changes_nothing_tells_nobody(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        submission_id = await intake.submission(partner, pending=1)
        for _ in range(3):
            await intake.settle(submission_id, 1)
            await intake.attempt_due()
        assert told(receiver.requests) == [(submission_id, 1)]


async def test_what_was_held_and_is_decided_later_is_told_with_a_higher_sequence_and_as_one(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        submission_id = await intake.submission(partner, pending=4)
        await intake.settle(submission_id, 1, 2, 3, 4, outcome=Outcome.HELD)
        await intake.attempt_due()
        for number in (1, 2, 3):
            await intake.settle(submission_id, number)
        assert not await intake.claim(), "more of the kind may follow"
        await intake.attempt_due()

        assert told(receiver.requests) == [(submission_id, 1), (submission_id, 2)]
        assert json.loads(receiver.requests[1].body)["data"]["outcomes"] == {"held": 1, "notified": 3}
        await intake.settle(submission_id, 4, outcome=Outcome.REFUTED)
        await intake.attempt_due()
        assert told(receiver.requests)[-1] == (submission_id, 3)


async def test_a_change_while_an_event_is_under_way_is_told_by_another(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        submission_id = await intake.submission(partner, pending=1)
        await intake.settle(submission_id, 1, outcome=Outcome.HELD)
        under_way = await intake.claim()
        await intake.settle(submission_id, 1)
        await intake.attempt(under_way)
        await intake.attempt_due()
        assert told(receiver.requests) == [(submission_id, 1), (submission_id, 2)]


async def test_an_event_is_not_begun_while_the_change_that_it_tells_of_is_not_committed(intake: Intake) -> None:
    partner = await intake.partner("acme")
    await partner.set_webhook("http://127.0.0.1:1/")
    submission_id = await intake.submission(partner, pending=2)
    await intake.settle(submission_id, 1, 2, outcome=Outcome.HELD)
    async with intake.database.transaction() as tx:
        await intake.settle_in(tx, submission_id, 1)
        assert not await intake.claim()
    assert len(await intake.claim()) == 1


@pytest.mark.parametrize("first", ["outcome", "end"])
async def test_whether_the_last_outcome_or_the_end_of_reading_comes_last_it_is_told_once(
    intake: Intake, first: str
) -> None:
    """Both at once: neither sees what the other has not committed yet."""
    partner = await intake.partner("acme")
    await partner.set_webhook("http://127.0.0.1:1/")
    submission_id = await intake.submission(partner, pending=1, status=Status.PROCESSING)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def end_reading(*, waits: bool) -> None:
        async with intake.database.transaction() as tx:
            submission = await submissions.submission(tx, submission_id, partner_id=None)
            assert submission is not None
            await tx.fetch("UPDATE submissions SET status = 'done' WHERE id = $1", submission_id)
            await events.announce_finished(tx, submission_id, now=intake.database.now())
            begun.set()
            if waits:
                await go_on.wait()

    async def hear_last_outcome(*, waits: bool) -> None:
        async with intake.database.transaction() as tx:
            await intake.settle_in(tx, submission_id, 1)
            begun.set()
            if waits:
                await go_on.wait()

    works = {"outcome": hear_last_outcome, "end": end_reading}
    other = works["end" if first == "outcome" else "outcome"]
    one = asyncio.create_task(works[first](waits=True))
    await begun.wait()
    two = asyncio.create_task(other(waits=False))
    await asyncio.sleep(0.2)  # until it waits for the first; an earlier commit would only make it easier
    go_on.set()
    await asyncio.gather(one, two)

    assert [delivery["sequence"] for delivery in await partner.deliveries()] == [1]


async def test_a_submission_that_is_not_read_to_its_end_is_not_settled(intake: Intake) -> None:
    partner = await intake.partner("acme")
    await partner.set_webhook("http://127.0.0.1:1/")
    submission_id = await intake.submission(partner, pending=1, status=Status.PROCESSING)
    await intake.settle(submission_id, 1)
    assert await partner.deliveries() == []


@pytest.mark.parametrize("error", [None, PayloadError(400, "broken-off", "it ends too early")], ids=["done", "failed"])
async def test_a_submission_that_settled_before_it_was_read_to_its_end_is_told_at_its_end(
    intake: Intake, error: PayloadError | None
) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        submission_id = await intake.submission(partner, pending=1, status=Status.PROCESSING)
        await intake.settle(submission_id, 1)
        await finish(await intake.kept(submission_id), Tally(accepted=1), error=error, means=intake.means)
        await intake.attempt_due()
        assert told(receiver.requests) == [(submission_id, 1)]
        assert json.loads(receiver.requests[0].body)["data"]["status"] == ("failed" if error else "done")


async def test_a_submission_that_we_give_up_is_told_with_what_is_held(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        submission_id = await intake.submission(partner, pending=2, status=Status.PROCESSING)
        await give_up(await intake.kept(submission_id), means=intake.means)
        await intake.attempt_due()
        assert told(receiver.requests) == [(submission_id, 1)]
        assert json.loads(receiver.requests[0].body)["data"]["outcomes"] == {"held": 2}


async def test_without_a_webhook_nothing_is_written(intake: Intake) -> None:
    partner, other = await intake.partner("acme"), await intake.partner("emca")
    await other.set_webhook("http://127.0.0.1:1/")
    await intake.settle(await intake.submission(partner, pending=1), 1)
    assert await intake.sql("SELECT FROM webhook_deliveries") == []


async def test_a_no_is_tried_again_after_a_pause_and_shown_meanwhile(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving("500", "close", "302") as receiver:
        await partner.set_webhook(receiver.url)
        await intake.settle(await intake.submission(partner, pending=1), 1)
        for attempts, (status, error) in enumerate([(500, "status"), (None, "broken-answer"), (302, "redirect")], 1):
            await intake.attempt_due()
            (delivery,) = await partner.deliveries()
            assert (delivery["state"], delivery["attempts"]) == ("waiting", attempts)
            assert (delivery["status"], delivery["error"]) == (status, error)
            assert delivery["due_at"] > delivery["attempted_at"]
            assert not await intake.claim(), "not before the pause is over"
            assert (await partner.webhook())["failing_since"] is not None
        await intake.attempt_due()
        (delivery,) = await partner.deliveries()
        assert (delivery["state"], delivery["status"], delivery["due_at"]) == ("delivered", 204, None)
        assert (await partner.webhook())["failing_since"] is None
        assert len({request.id for request in receiver.requests}) == 1


async def test_a_crash_between_the_yes_and_its_record_tells_it_again_under_the_same_id(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        await intake.settle(await intake.submission(partner, pending=1), 1)

        (lost,) = await intake.claim()
        headers = signed_headers(str(lost.delivery.id), b"{}", secrets=lost.secrets, at=intake.database.now())
        answer = await office_of(intake.settings, intake.database).door.post(lost.url, headers=headers, body=b"{}")
        assert answer == Answer(204)

        assert not await intake.claim(later=LEASE - 5 * SECOND), "as long as its lease lasts, it may still be recorded"
        await intake.attempt(await intake.claim(later=LEASE + 5 * SECOND))
        assert [request.id for request in receiver.requests] == [str(lost.delivery.id)] * 2

        late = attempted(lost, Answer(500), now=intake.database.now(), chance=0.5)
        async with intake.database.transaction() as tx:
            await sending.record(tx, [late])
        (delivery,) = await partner.deliveries()
        assert (delivery["state"], delivery["status"]) == ("delivered", 204), "who comes too late changes nothing"


async def test_two_replicas_share_the_work_and_send_nothing_twice(intake: Intake) -> None:
    partners = [await intake.partner(f"partner{number}") for number in range(4)]
    async with receiving() as receiver:
        for partner in partners:
            await partner.set_webhook(receiver.url)
        settled = []
        async with intake.delivering(replicas=2):
            for _ in range(15):
                for partner in partners:
                    settled.append(await intake.submission(partner, pending=1))
                    await intake.settle(settled[-1], 1)
            requests = await receiver.received(len(settled))
        assert sorted(told(requests)) == sorted((submission_id, 1) for submission_id in settled)
        assert len(receiver.requests) == len(settled)
        assert await intake.sql("SELECT FROM webhook_deliveries WHERE state <> 'delivered'") == []


async def test_a_receiver_that_hangs_holds_up_no_other(intake: Intake) -> None:
    slow, quick = await intake.partner("slow"), await intake.partner("quick")
    async with receiving(*["hang"] * 20) as hanging, receiving() as receiver, intake.delivering():
        await slow.set_webhook(hanging.url)
        await quick.set_webhook(receiver.url)
        for _ in range(10):
            await intake.settle(await intake.submission(slow, pending=1), 1)
        await hanging.received(1)
        for wanted in range(1, 4):
            await intake.settle(await intake.submission(quick, pending=1), 1)
            await receiver.received(wanted, seconds=1.5)


async def test_a_receiver_that_is_down_is_knocked_at_by_one_event_at_a_time(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving(*["500"] * 4) as receiver:
        await partner.set_webhook(receiver.url)
        for _ in range(4):
            await intake.settle(await intake.submission(partner, pending=1), 1)
        await intake.attempt_due()
        assert len(receiver.requests) == 4, "until it is known"
        receiver.answers.append("500")
        await intake.attempt_due()
        assert len(receiver.requests) == 5
        await intake.attempt_due()
        await intake.attempt_due()
        assert {delivery["state"] for delivery in await partner.deliveries()} == {"delivered"}


@pytest.mark.parametrize(("answer", "reason"), [("500", "failing"), ("410", "gone")])
async def test_a_webhook_that_fails_for_days_or_is_gone_is_disabled_until_it_is_set_again(
    intake: Intake, answer: str, reason: str
) -> None:
    partner = await intake.partner("acme")
    async with receiving(answer) as receiver:
        await partner.set_webhook(receiver.url)
        if reason == "failing":
            await intake.sql("UPDATE webhooks SET failing_since = now() - interval '3 days'")
        for _ in range(2):
            await intake.settle(await intake.submission(partner, pending=1), 1)
        await intake.attempt((await intake.claim())[:1])

        assert (await partner.webhook())["disabled"] == reason
        assert [each["state"] for each in await partner.deliveries()] == ["given-up"] * 2
        await intake.settle(await intake.submission(partner, pending=1), 1)
        assert len(await partner.deliveries()) == 2, "who is disabled is not written for"
        assert await _disabled(intake) == 1

        await partner.client.put(HOOK, json={"url": receiver.url})
        assert (await partner.webhook())["enabled"]
        assert await _disabled(intake) == 0
        await intake.settle(await intake.submission(partner, pending=1), 1)
        await intake.attempt_due()
        assert (await partner.deliveries())[-1]["state"] == "delivered"


async def test_a_webhook_can_be_removed_while_an_attempt_is_written_down(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        await intake.settle(await intake.submission(partner, pending=1), 1)
        claimed = await intake.claim()
        async with intake.database.transaction() as tx:
            await tx.fetch("SELECT FROM webhook_deliveries FOR UPDATE")
            attempting = asyncio.create_task(intake.attempt(claimed))
            await _until_waiting(intake, 1)
            removing = asyncio.create_task(partner.client.delete(HOOK))
            await _until_waiting(intake, 2)

        await attempting
        assert (await removing).status_code == 204


async def _until_waiting(intake: Intake, number: int) -> None:
    """Until so many wait for what somebody else has locked; a transaction sees what it saw first."""
    waiting = 0
    async with asyncio.timeout(10):
        while waiting < number:
            async with intake.database.transaction() as tx:
                waiting = (await tx.fetch(WAITING))[0]["number"]


async def _disabled(intake: Intake) -> int:
    """How many the metric tells of."""
    async with intake.database.transaction() as tx:
        count = await sending.disabled_by_failure(tx)
    shutdown = Shutdown()
    counting = asyncio.create_task(DisabledCount(intake.database).run(shutdown))
    async with asyncio.timeout(5):
        while REGISTRY.get_sample_value("tocsin_webhooks_disabled") != count:
            await asyncio.sleep(0.01)
    shutdown.request()
    await counting
    return count


async def test_an_event_that_is_refused_for_three_days_is_given_up_and_no_other_with_it(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving("500") as receiver:
        await partner.set_webhook(receiver.url)
        await intake.settle(await intake.submission(partner, pending=1), 1)
        await intake.sql("UPDATE webhook_deliveries SET give_up_at = now()")
        await intake.attempt(await intake.claim())
        await intake.settle(await intake.submission(partner, pending=1), 1)
        await intake.attempt_due()
        assert [each["state"] for each in await partner.deliveries()] == ["given-up", "delivered"]
        assert (await partner.webhook())["enabled"]


async def test_a_partner_that_is_switched_off_is_sent_nothing(intake: Intake) -> None:
    partner = await intake.partner("acme")
    await partner.set_webhook("http://127.0.0.1:1/")
    await intake.settle(await intake.submission(partner, pending=1), 1)
    await intake.sql("UPDATE partners SET enabled = false")
    assert not await intake.claim(later=timedelta(hours=1))
    await intake.sql("UPDATE partners SET enabled = true")
    assert len(await intake.claim()) == 1


async def test_an_address_that_turned_inward_since_it_was_set_is_not_connected_to(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        await intake.settle(await intake.submission(partner, pending=1), 1)
        intake.settings = intake.settings.model_copy(update={"webhook_insecure": False})
        await intake.attempt_due()
        (delivery,) = await partner.deliveries()
        assert (delivery["state"], delivery["error"]) == ("waiting", "webhook-scheme")
        assert receiver.connections == 0
