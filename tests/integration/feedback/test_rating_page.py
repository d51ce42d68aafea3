"""`/f/{token}`: anonymous, counted once, changed by nobody's reading."""

import asyncio

import pytest

from libs.common.links import Links
from libs.common.vocabulary import FeedbackKind
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import mail

NONCE = b"twelve bytes"
RATING = {"useful": "5", "clear": "4", "text": "Fijn!"}


@pytest.fixture
def page(links: Links) -> str:
    return f"/f/{links.rating_token('open-smb', NONCE)}"


async def test_nothing_in_a_stored_rating_leads_to_its_recipient(running: Running, page: str) -> None:
    await running.hear(mail())
    await running.browser.post(page, data=RATING)

    (row,) = await running.rows("SELECT * FROM ratings")
    assert set(row) == {"feedback_id", "nonce_hash", "incident", "hour", "useful", "clear", "text"}
    assert NONCE not in bytes(str(row), "utf-8")
    (event,) = await running.said()
    assert (event.notification_id, event.recipient_key, event.traceparent) == (None, None, "")
    assert await running.rows("SELECT * FROM answers") == []


async def test_looking_at_the_page_changes_nothing(running: Running, page: str) -> None:
    for _ in range(3):
        answer = await running.browser.get(page)

    assert answer.status_code == 200
    assert await running.rows("SELECT * FROM ratings") == []
    assert await running.said() == []


async def test_a_rating_is_kept_and_told_to_the_others(running: Running, page: str) -> None:
    answer = await running.browser.post(page, data=RATING)

    assert answer.status_code == 200
    assert "Thank you" in answer.text
    (event,) = await running.said()
    assert (event.kind, event.incident, event.useful, event.clear, event.text) == (
        FeedbackKind.RATING,
        "open-smb",
        5,
        4,
        "Fijn!",
    )


async def test_a_token_counts_once_and_the_first_rating_stands(running: Running, page: str) -> None:
    await running.browser.post(page, data=RATING)
    again = await running.browser.post(page, data={**RATING, "useful": "1"})
    look = await running.browser.get(page)

    assert "already have your rating" in again.text
    assert "already have your rating" in look.text
    assert [row["useful"] for row in await running.rows("SELECT useful FROM ratings")] == [5]
    assert len(await running.said()) == 1


async def test_a_token_counts_once_even_when_sent_many_times_at_once(running: Running, page: str) -> None:
    await asyncio.gather(*(running.browser.post(page, data=RATING) for _ in range(8)))

    assert len(await running.rows("SELECT * FROM ratings")) == 1
    assert len(await running.said()) == 1


async def test_a_forged_or_altered_token_is_not_found(running: Running, links: Links) -> None:
    real = links.rating_token("open-smb", NONCE)
    foreign = Links(b"another key entirely").rating_token("open-smb", NONCE)
    recipients = links.recipient_token(mail().notification_id)
    altered = ("A" if real[0] != "A" else "B") + real[1:]

    for token in (foreign, recipients, altered, real[:-2], "x", "é", "." * 300):
        for answer in (
            await running.browser.get(f"/f/{token}"),
            await running.browser.post(f"/f/{token}", data=RATING),
        ):
            assert answer.status_code == 404, token
            assert "does not exist" in answer.text
    assert (await running.browser.get("/f/%00")).status_code == 404
    assert (await running.browser.get("/f/%00", headers={"Accept": "*/*"})).status_code == 422, "a program is told why"
    assert await running.rows("SELECT * FROM ratings") == []


async def test_an_incomplete_rating_comes_back_with_what_was_filled_in(running: Running, page: str) -> None:
    answer = await running.browser.post(page, data={"useful": "4", "clear": "9", "text": "half & <half>"})

    assert answer.status_code == 422
    assert 'href="#clear"' in answer.text
    assert 'href="#useful"' not in answer.text
    assert 'id="useful-4" checked' in answer.text
    assert "half &amp; &lt;half&gt;" in answer.text
    assert await running.rows("SELECT * FROM ratings") == []


async def test_what_is_no_form_is_refused_in_words(running: Running, page: str) -> None:
    for body in (b"\xff\xfe\x00", b"a=1&" * 20_000):
        answer = await running.browser.post(page, content=body)
        assert answer.status_code == 422
        assert "did not work" in answer.text
