"""Corrections: they are verified as ours and count among no warnings; there is nothing in them to fix or to deny."""

import pytest

from libs.common.links import Links
from libs.common.vocabulary import NotificationKind
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import mail

CORRECTION = mail("corrected", does=NotificationKind.CORRECTION, subject="Correction: our warning was wrong")


async def test_a_correction_is_ours_and_is_not_among_the_public_numbers(running: Running) -> None:
    await running.hear(mail(), CORRECTION)

    assert (await running.browser.get("/v1/statistics")).json()["notifications_total"] == 1
    answer = await running.browser.get(f"/verify/{CORRECTION.reference}", headers={"Accept": "application/json"})
    assert answer.json() == {"genuine": True, "date": "2026-05-08", "subject": CORRECTION.subject}


async def test_to_a_correction_only_a_question_can_be_answered(running: Running, links: Links) -> None:
    await running.hear(CORRECTION)
    page = f"/r/{links.recipient_token(CORRECTION.notification_id)}"

    shown = (await running.browser.get(page)).text
    refused = await running.browser.post(page, data={"kind": "fixed"})
    taken = await running.browser.post(page, data={"kind": "question", "text": "What was it?"})

    assert 'value="question"' in shown
    assert 'value="fixed"' not in shown
    assert (refused.status_code, taken.status_code) == (422, 200)
    assert [event.kind for event in await running.said()] == ["question"]


@pytest.mark.parametrize("way", ["/u/{token}", "/r/{token}"])
async def test_who_wants_no_more_can_say_so_on_a_correction(running: Running, links: Links, way: str) -> None:
    await running.hear(CORRECTION)

    path = way.format(token=links.recipient_token(CORRECTION.notification_id))
    await running.browser.post(path, data={"kind": "opt-out"})

    assert [event.kind for event in await running.said()] == ["opt-out"]
