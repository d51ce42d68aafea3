"""`/r/{token}` and `/u/{token}`: the recipient's own pages."""

import pytest

from libs.common.links import Links
from libs.common.vocabulary import FeedbackKind, Language, RecipientKind
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import mail, threat

HOSTILE = "<script>alert(1)</script>\"'><img src=x>{{7*7}}"


@pytest.fixture
def page(links: Links) -> str:
    return f"/r/{links.recipient_token(mail().notification_id)}"


@pytest.fixture
def unsubscribe(links: Links) -> str:
    return f"/u/{links.recipient_token(mail().notification_id)}"


async def test_the_page_shows_what_the_mail_was_about_and_that_it_is_tied_to_it(running: Running, page: str) -> None:
    await running.hear(mail(assets=("192.0.2.14", "https://www.example.com/login")))

    text = (await running.browser.get(page)).text

    assert mail().reference in text
    assert "Security warning for Bakery" in text
    assert "8 May 2026" in text
    assert "192[.]0[.]2[.]14" in text
    assert "hxxps://www[.]example[.]com/login" in text
    assert "This page is about your notification" in text


async def test_a_long_address_is_cut_where_the_page_says_what_the_mail_was_about(running: Running, page: str) -> None:
    url = "https://bakery/" + "a" * 46
    await running.hear(mail(assets=(url[:60], url)))

    text = (await running.browser.get(page)).text

    about = text.partition("</dl>")[0]
    shown = url.replace("http", "hxxp")
    assert f">{shown[:60]}</span>" in about
    assert f">{shown[:60]}…</span>" in about
    assert f">{shown}</label>" in text


async def test_the_page_speaks_the_mails_language_unless_another_is_asked_for(running: Running, page: str) -> None:
    await running.hear(mail(language=Language.DUTCH))

    assert '<html lang="nl">' in (await running.browser.get(page)).text
    assert '<html lang="en">' in (await running.browser.get(f"{page}?lang=en")).text
    assert '<html lang="nl">' in (await running.browser.get(f"{page}?lang=fr")).text


async def test_looking_changes_nothing(running: Running, page: str, unsubscribe: str) -> None:
    await running.hear(mail())

    for address in (page, unsubscribe, f"{page}?kind=fixed"):
        assert (await running.browser.get(address)).status_code == 200

    assert await running.rows("SELECT * FROM answers") == []
    assert await running.said() == []


async def test_a_false_positive_of_one_asset_reaches_the_others_with_its_reason(running: Running, page: str) -> None:
    await running.hear(mail(assets=("192.0.2.14", "192.0.2.15")))
    chosen = threat("bakery", "192.0.2.15")

    answer = await running.browser.post(
        page, data={"kind": "false-positive", "threat": str(chosen), "text": "It is a honeypot"}
    )

    assert answer.status_code == 200
    assert "Thank you for the correction" in answer.text
    (event,) = await running.said()
    assert event.kind is FeedbackKind.FALSE_POSITIVE
    assert event.threat_ids == (chosen,)
    assert event.text == "It is a honeypot"
    assert event.recipient_key == "bakery@example.com"
    assert event.notification_id == mail().notification_id
    assert event.traceparent == mail().traceparent


async def test_the_same_answer_twice_is_told_once(running: Running, page: str) -> None:
    await running.hear(mail())

    first = await running.browser.post(page, data={"kind": "fixed"})
    second = await running.browser.post(page, data={"kind": "fixed"})

    assert "Good work" in first.text
    assert "already know" in second.text
    assert len(await running.said()) == 1
    assert "What you told us before" in (await running.browser.get(page)).text


async def test_a_question_without_words_comes_back_with_what_was_chosen(running: Running, page: str) -> None:
    await running.hear(mail(assets=("192.0.2.14", "192.0.2.15")))

    answer = await running.browser.post(page, data={"kind": "question", "threat": str(threat("bakery", "192.0.2.15"))})

    assert answer.status_code == 422
    assert 'href="#text"' in answer.text
    assert answer.text.count(" checked") == 2
    assert await running.said() == []


async def test_the_button_of_the_recipients_page_stops_the_mails(running: Running, page: str) -> None:
    await running.hear(mail())

    answer = await running.browser.post(page, data={"kind": "opt-out"})

    assert "will not write to you again" in answer.text
    (event,) = await running.said()
    assert event.kind is FeedbackKind.OPT_OUT


async def test_a_team_is_offered_no_end_of_its_hand_overs_and_no_click_makes_one(
    running: Running, page: str, unsubscribe: str
) -> None:
    await running.hear(mail(kind=RecipientKind.NATIONAL_CERT))

    shown = await running.browser.get(page)
    answers = [
        await running.browser.post(page, data={"kind": "opt-out"}),
        await running.browser.get(unsubscribe),
        await running.browser.post(unsubscribe, data={"List-Unsubscribe": "One-Click"}),
    ]

    assert "Stop these emails" not in shown.text
    assert "It is not ours" in shown.text
    assert [answer.status_code for answer in answers] == [422, 200, 200]
    assert all("Hand-overs do not stop by a click" in answer.text for answer in answers[1:])
    assert await running.said() == []


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
async def test_one_click_unsubscribes_in_both_encodings_of_rfc_8058(
    running: Running, unsubscribe: str, encoding: str
) -> None:
    await running.hear(mail())
    field = {"List-Unsubscribe": "One-Click"}

    for _ in range(2):
        if encoding.startswith("multipart"):
            answer = await running.browser.post(unsubscribe, files={"List-Unsubscribe": (None, "One-Click")})
        else:
            answer = await running.browser.post(unsubscribe, data=field)
        assert answer.status_code == 200

    (event,) = await running.said()
    assert (event.kind, event.recipient_key) == (FeedbackKind.OPT_OUT, "bakery@example.com")


async def test_a_mail_that_we_have_not_heard_of_yet_is_asked_for_again_later(running: Running, page: str) -> None:
    answer = await running.browser.get(page)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "Try again in a minute" in answer.text


async def test_a_forged_token_is_not_found(running: Running, links: Links) -> None:
    await running.hear(mail())
    rating = links.rating_token("x" * 4, b"twelve bytes")
    foreign = Links(b"another key entirely").recipient_token(mail().notification_id)

    for token in (rating, foreign, str(mail().notification_id), "AAAA"):
        for answer in (
            await running.browser.get(f"/r/{token}"),
            await running.browser.post(f"/r/{token}", data={"kind": "fixed"}),
            await running.browser.get(f"/u/{token}"),
            await running.browser.post(f"/u/{token}"),
        ):
            assert answer.status_code == 404
    assert await running.said() == []


async def test_hostile_text_comes_out_as_text(running: Running, page: str) -> None:
    await running.hear(mail(assets=(HOSTILE, "192.0.2.1"), subject=HOSTILE))

    looked = await running.browser.get(page)
    refused = await running.browser.post(
        page, data={"kind": HOSTILE, "threat": HOSTILE, "text": f"</textarea>{HOSTILE}"}
    )

    for answer in (looked, refused):
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert answer.text.count("</textarea>") == 1
        assert "49" not in answer.text


async def test_a_mail_about_thousands_of_addresses_shows_the_first_and_says_so(running: Running, page: str) -> None:
    await running.hear(mail(assets=tuple(f"198.51.{n // 250}.{n % 250}" for n in range(2000))))

    text = (await running.browser.get(page)).text

    assert text.count('name="threat"') == 200
    assert "first 200 of 2,000" in text
