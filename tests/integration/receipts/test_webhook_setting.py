"""How a partner sets, tries, changes and removes a webhook, and who else may."""

from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from libs.common.security import Role
from tests.integration.receipts.conftest import Intake
from tests.unit.intake.receiver import receiving

HOOK = "/v1/partners/me/webhook"


async def test_a_webhook_is_set_tried_moved_and_removed_and_its_secret_is_shown_once(intake: Intake) -> None:
    partner = await intake.partner("acme")
    assert (await partner.client.get(HOOK)).status_code == 404
    async with receiving() as receiver, receiving() as other:
        secret = await partner.set_webhook(receiver.url)
        assert secret.startswith("whsec_")
        assert secret not in (await partner.client.get(HOOK)).text

        pinged = (await partner.client.post(f"{HOOK}/ping")).json()
        assert (pinged["state"], pinged["status"], pinged["error"]) == ("delivered", 204, None)
        (request,) = receiver.requests
        assert request.id == pinged["id"]
        assert Webhook(secret).verify(request.body, dict(request.headers))["type"] == "ping"

        moved = await partner.client.put(HOOK, json={"url": other.url})
        assert (moved.status_code, moved.json()["secret"]) == (200, None)
        await partner.client.post(f"{HOOK}/ping")
        assert Webhook(secret).verify(other.requests[0].body, dict(other.requests[0].headers))

    assert (await partner.client.delete(HOOK)).status_code == 204
    for answer in (
        await partner.client.get(HOOK),
        await partner.client.delete(HOOK),
        await partner.client.post(f"{HOOK}/ping"),
        await partner.client.post(f"{HOOK}/secret"),
    ):
        assert answer.status_code == 404
    assert len(await partner.deliveries()) == 2


async def test_a_secret_is_changed_without_a_gap(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        old = await partner.set_webhook(receiver.url)
        changed = (await partner.client.post(f"{HOOK}/secret")).json()
        assert changed["secret"] != old
        await partner.client.post(f"{HOOK}/ping")
        for secret in (old, changed["secret"]):
            assert Webhook(secret).verify(receiver.requests[0].body, dict(receiver.requests[0].headers))

        await intake.sql("UPDATE webhooks SET previous_secret_until = now() - interval '1 second'")
        await partner.client.post(f"{HOOK}/ping")
        assert len(receiver.requests[1].headers["webhook-signature"].split()) == 1
        assert Webhook(changed["secret"]).verify(receiver.requests[1].body, dict(receiver.requests[1].headers))


async def test_a_ping_that_fails_says_how_and_is_not_tried_again(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving("500") as receiver:
        await partner.set_webhook(receiver.url)
        answer = await partner.client.post(f"{HOOK}/ping")
        assert "secret" not in answer.text, "what a receiver says is not passed on"
        assert {"state": "given-up", "status": 500, "error": "status"}.items() <= answer.json().items()
        assert not await intake.claim(later=timedelta(days=1))
        assert (await partner.webhook())["failing_since"] is None


async def test_a_webhook_can_not_be_used_to_try_one_place_after_another(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        answers = [await partner.client.post(f"{HOOK}/ping") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
        assert len(receiver.requests) == 5
        await partner.client.delete(HOOK)
        await partner.set_webhook(receiver.url)
        assert (await partner.client.post(f"{HOOK}/ping")).status_code == 429


@pytest.mark.parametrize("url", ["http://127.0.0.1/x#y", "gopher://127.0.0.1/", "http://localhost/"])
async def test_a_url_that_is_not_taken_is_refused_in_words(intake: Intake, url: str) -> None:
    partner = await intake.partner("acme")
    answer = await partner.client.put(HOOK, json={"url": url})
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/webhook-refused"
    assert all(error["code"].startswith("webhook-") for error in answer.json()["errors"])
    assert (await partner.client.get(HOOK)).status_code == 404


async def test_others_see_nothing_of_it_and_operators_by_their_role(intake: Intake) -> None:
    partner, other = await intake.partner("acme"), await intake.partner("emca")
    theirs = f"/v1/partners/{partner.id}/webhook"
    async with receiving() as receiver:
        await partner.set_webhook(receiver.url)
        await partner.client.post(f"{HOOK}/ping")
        (ping,) = await partner.deliveries()

        assert (await other.client.get(HOOK)).status_code == 404
        assert await other.deliveries() == []
        await other.set_webhook(receiver.url)
        assert (await other.client.post(f"{HOOK}/deliveries/{ping['id']}/resend")).status_code == 404
        assert (await other.client.get(theirs)).status_code == 401
        assert (await intake.client().get(HOOK)).status_code == 401
        assert (await intake.operator(Role.APPROVER).get(theirs)).status_code == 403
        assert (await intake.operator(Role.ADMIN).get(HOOK)).status_code == 401, "an operator is no partner"

        assert (await intake.operator(Role.AUDITOR).get(theirs)).json()["url"] == receiver.url
        assert (await intake.operator(Role.AUDITOR).delete(theirs)).status_code == 403
        assert (await intake.operator(Role.ADMIN).post(f"{theirs}/ping")).json()["state"] == "delivered"
        assert (await intake.operator(Role.ADMIN).delete(theirs)).status_code == 204
        nobody = "/v1/partners/00000000-0000-0000-0000-000000000000/webhook"
        assert (await intake.operator(Role.ADMIN).put(nobody, json={"url": receiver.url})).status_code == 404


async def test_what_was_given_up_can_be_sent_again_under_its_old_id(intake: Intake) -> None:
    partner = await intake.partner("acme")
    async with receiving("500") as receiver:
        await partner.set_webhook(receiver.url)
        ping = (await partner.client.post(f"{HOOK}/ping")).json()
        again = f"{HOOK}/deliveries/{ping['id']}/resend"

        await partner.client.patch(HOOK, json={"enabled": False})
        refused = await partner.client.post(again)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/webhook-disabled")

        await partner.client.put(HOOK, json={"url": receiver.url})
        assert (await partner.client.post(again)).json()["state"] == "waiting"
        await intake.attempt_due()
        assert [request.id for request in receiver.requests] == [ping["id"]] * 2
        (delivery,) = await partner.deliveries()
        assert (delivery["state"], delivery["attempts"], delivery["error"]) == ("delivered", 2, None)
