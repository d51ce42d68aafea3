"""Mails of tests: their links work, and nothing that comes of them counts or goes further."""

import pytest

from libs.common.contracts import NotificationSent
from libs.common.links import Links
from libs.common.vocabulary import FeedbackKind
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import mail

COMPLAINT = "complaint@simulator.invalid"
TRIED = mail("tried", test_of="demo", subject="TEST: Security warning for [the organisation]")


async def test_a_test_is_not_among_the_public_numbers_and_is_verified_as_one(running: Running) -> None:
    await running.hear(mail(), TRIED)

    assert (await running.browser.get("/v1/statistics")).json()["notifications_total"] == 1
    answer = await running.browser.get(f"/verify/{TRIED.reference}", headers={"Accept": "application/json"})
    assert answer.json() == {"genuine": True, "date": "2026-05-08", "subject": TRIED.subject}
    page = (await running.browser.get(f"/verify/{TRIED.reference}?lang=en", headers={"Accept": "text/html"})).text
    assert "This was a test, not a warning" in page
    assert "Yes, this email is from us" not in page, "who had it passed on to them must not take it for a warning"


@pytest.mark.parametrize("kind", ["fixed", "false-positive", "not-ours", "question", "opt-out"])
async def test_an_answer_to_a_test_is_kept_and_nobody_acts_on_it(
    running: Running, links: Links, viewer: dict[str, str], kind: str
) -> None:
    await running.hear(TRIED)

    answer = await running.browser.post(
        f"/r/{links.recipient_token(TRIED.notification_id)}", data={"kind": kind, "text": "just trying"}
    )

    assert "This was a test" in answer.text
    assert await running.said() == []
    for asked, kinds in (({}, []), ({"test": "true"}, [kind])):
        listed = await running.browser.get("/v1/feedback", params=asked, headers=viewer)
        assert [each["kind"] for each in listed.json()["items"]] == kinds


async def test_one_click_on_a_test_silences_nobody(running: Running, links: Links) -> None:
    await running.hear(TRIED)
    answer = await running.browser.post(f"/u/{links.recipient_token(TRIED.notification_id)}")
    assert "This was a test" in answer.text
    assert await running.said() == []


async def test_a_rating_of_a_test_is_no_rating(running: Running, links: Links) -> None:
    await running.hear(TRIED)
    page = f"/f/{links.rating_token('open-smb', bytes(12), is_test=True)}"
    assert (await running.browser.get(page)).status_code == 200
    assert (await running.browser.post(page, data={"useful": "9", "clear": "1"})).status_code == 422
    assert "This was a test" in (await running.browser.post(page, data={"useful": "5", "clear": "1"})).text
    assert await running.rows("SELECT * FROM ratings") == []
    assert await running.said() == []


@pytest.mark.parametrize(
    ("sent", "acted_on"),
    [
        (mail("real", address=COMPLAINT), [(FeedbackKind.OPT_OUT, COMPLAINT)]),
        (mail("test", address=COMPLAINT, test_of="demo"), []),
        (mail("other", address=f"x{COMPLAINT}"), []),
    ],
)
async def test_a_mail_to_the_simulators_complainer_is_complained_about_once(
    running: Running, sent: NotificationSent, acted_on: list[tuple[FeedbackKind, str]]
) -> None:
    await running.hear(sent)
    await running.hear(sent)

    assert [(event.kind, event.recipient_key) for event in await running.said()] == acted_on
    kept = await running.rows("SELECT text FROM answers")
    complained = not sent.recipient_key.endswith(f"x{COMPLAINT}")
    assert [row["text"] for row in kept] == ["simulated: a complaint about the mail"] * complained
