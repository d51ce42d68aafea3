"""`/verify`: yes or no, a date and a subject, and nothing else."""

import httpx
import pytest

from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import mail

JSON = {"Accept": "application/json"}


async def verified(running: Running, typed: str) -> httpx.Response:
    return await running.browser.get(f"/verify/{typed}", headers=JSON)


async def test_a_mail_of_ours_is_genuine_with_its_date_and_subject(running: Running) -> None:
    await running.hear(mail())

    answer = await verified(running, mail().reference)

    assert answer.json() == {"genuine": True, "date": "2026-05-08", "subject": "Security warning for Bakery"}


async def test_any_spelling_of_a_reference_will_do(running: Running) -> None:
    await running.hear(mail())
    reference = mail().reference
    code = reference.removeprefix("TOC-")

    for typed in (reference.lower(), code, f" toc {code[:5]}-{code[5:]} ", f"TOC{code.replace('0', 'o')}"):
        assert (await verified(running, typed)).json()["genuine"], typed


async def test_what_we_did_not_send_has_the_same_shape_whatever_is_wrong_with_it(running: Running) -> None:
    never_sent = mail("never-sent").reference
    answers = [
        await verified(running, typed) for typed in (never_sent, "TOC-AAAAAAAAAA", "x", "'; DROP TABLE", "\u202e")
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text for answer in answers} == {'{"genuine":false,"date":null,"subject":null}'}


async def test_the_form_answers_on_its_own_page(running: Running) -> None:
    await running.hear(mail())

    empty = await running.browser.get("/verify")
    good = await running.browser.get("/verify", params={"reference": mail().reference})
    bad = await running.browser.get("/verify", params={"reference": "<b>"})

    assert "this email is from us" not in empty.text
    assert "Yes, this email is from us" in good.text
    assert "warned.example" in good.text
    assert "We don&#39;t know this reference" in bad.text
    assert 'value="&lt;b&gt;"' in bad.text
    assert "bakery@example.com" not in good.text
    assert "192" not in good.text


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_who_tries_many_references_has_to_wait(running: Running, accept: str) -> None:
    answers = [await running.browser.get(f"/verify/TOC-{n}", headers={"Accept": accept}) for n in range(12)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    refused = answers[-1]
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["RateLimit"].startswith('"verify";r=0')
    assert refused.headers["content-type"].startswith("text/html" if "html" in accept else "application/problem+json")
