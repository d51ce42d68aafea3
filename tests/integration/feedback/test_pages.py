"""What holds for every page."""

from html.parser import HTMLParser

import httpx
import pytest

from libs.common.contracts import RegistrationToConfirm
from libs.common.links import Links
from services.feedback.api.pages import CONTENT_SECURITY_POLICY
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import incident, mail

VOID = {"meta", "link", "input", "br", "img", "rect", "path", "circle"}


class Outline(HTMLParser):
    """What a page is made of; fails on tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


async def every_page(running: Running, links: Links, language: str) -> dict[str, str]:
    """Each kind of page, in one language."""
    await running.hear(incident("open-smb", title="Open folders"), mail(assets=("192.0.2.1", "192.0.2.2")))
    await running.hear(*(mail(f"m{n}") for n in range(9)))
    rating, recipient = links.rating_token("open-smb", b"twelve bytes"), links.recipient_token(mail().notification_id)
    asked = {
        name: await running.browser.get(address, params={"lang": language})
        for name, address in {
            "front": "/",
            "verify": "/verify",
            "genuine": f"/verify/{mail().reference}",
            "unknown": "/verify/TOC-1",
            "rating": f"/f/{rating}",
            "recipient": f"/r/{recipient}",
            "unsubscribe": f"/u/{recipient}",
            "lost": "/nowhere",
            "not filed": f"/r/{links.recipient_token(mail('unheard').notification_id)}",
        }.items()
    }
    sent = {
        f"{address[:3]} {form}": await running.browser.post(address, params={"lang": language}, data=form)
        for address, form in (
            (f"/f/{rating}", {"useful": "1"}),
            (f"/f/{rating}", {"useful": "1", "clear": "2"}),
            (f"/f/{rating}", {"useful": "1", "clear": "3"}),
            (f"/r/{recipient}", {"kind": ""}),
            *((f"/r/{recipient}", {"kind": kind}) for kind in ("question", "fixed", "not-ours", "opt-out")),
            *((f"/r/{recipient}", {"kind": kind, "text": "x"}) for kind in ("question", "false-positive", "fixed")),
            (f"/u/{recipient}", {}),
        )
    }
    answered = await running.browser.get(f"/r/{recipient}", params={"lang": language})
    answers = {**asked, **sent, "answered": answered, **await pages_of_a_registration(running, links, language)}
    for name, answer in answers.items():
        assert answer.status_code in (200, 404, 422, 503), name
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert answer.headers["cache-control"] == "no-store", name
        assert "set-cookie" not in answer.headers, name
    return {name: answer.text for name, answer in answers.items()}


async def pages_of_a_registration(running: Running, links: Links, language: str) -> dict[str, httpx.Response]:
    """From the empty form to the end."""
    form = {"organisation": "Bakery", "kvk_number": "12345678", "email": "a@bakery.example", "language": "nl"}
    wrong = {
        "organisation": "www.",
        "kvk_number": "1",
        "email": "a",
        "domains": "nl",
        "ranges": "1\n10.0.0.1",
        "asns": "x",
    }
    browser, asks = running.browser, {"lang": language}
    answers = {
        "register": await browser.get("/register", params=asks),
        "registered empty": await browser.post("/register", params=asks, data={}),
        "registered wrong": await browser.post("/register", params=asks, data=wrong),
        "registered": await browser.post(
            "/register", params=asks, data={**form, "domains": "bakery.example", "asns": "AS64500\nAS64501"}
        ),
    }
    registration_id = (await running.told(RegistrationToConfirm))[-1].registration_id
    page = f"/register/{links.registration_token(registration_id)}"
    answers["to confirm"] = await browser.get(page, params=asks)
    for sent in (
        {"do": "confirm"},
        {"do": "add"},
        {"do": "add", **wrong},
        {"do": "take-back"},
        {"do": "take-back", "asset": "asn AS64501"},
        {"do": "withdraw"},
        {"do": "withdraw-surely"},
    ):
        answers[f"registration {sent}"] = await browser.post(page, params=asks, data=sent)
    await running.rows("DELETE FROM registrations")
    return {**answers, "registration gone": await browser.get(page, params=asks)}


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_every_page_renders_whole_and_can_be_used_by_everybody(
    running: Running, links: Links, language: str
) -> None:
    for name, html in (await every_page(running, links, language)).items():
        page = Outline(html)
        ids = [tag["id"] for _, tag in page.tags if tag.get("id")]
        labelled = {tag.get("for") for tag in page.all("label")}
        fields = [tag for tag in page.all("input", "textarea") if tag.get("type") != "hidden"]

        assert page.all("html") == [{"lang": language}], name
        assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1, name
        assert page.all("a")[0] == {"class": "skip", "href": "#content"}, name
        assert len(ids) == len(set(ids)), name
        assert {field.get("id") for field in fields} <= labelled, name
        described = {each for _, tag in page.tags for each in (tag.get("aria-describedby") or "").split()}
        assert described <= set(ids), name
        inner_links = {(link["href"] or "")[1:] for link in page.all("a") if (link["href"] or "").startswith("#")}
        assert inner_links <= set(ids), name
        assert "{" not in html, name
        assert "None" not in html, name


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_no_page_loads_or_sends_anything_elsewhere_or_needs_a_script(
    running: Running, links: Links, language: str
) -> None:
    for name, html in (await every_page(running, links, language)).items():
        page = Outline(html)
        addresses = [
            value or ""
            for _, tag in page.tags
            for attribute, value in tag.items()
            if attribute in ("href", "src", "action", "formaction", "srcset", "data")
        ]

        assert page.all("script", "iframe", "img", "object", "embed", "style") == [], name
        assert not [tag for _, tag in page.tags if "style" in tag or any(key.startswith("on") for key in tag)], name
        assert all(address.startswith(("/", "?", "#", "mailto:")) for address in addresses), name
        assert not any(address.startswith("//") for address in addresses), name


async def test_the_style_sheet_and_icon_come_from_here_and_may_be_kept(running: Running) -> None:
    page = Outline((await running.browser.get("/")).text)

    for link in page.all("link"):
        answer = await running.browser.get(link["href"] or "")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await running.browser.get("/static/..%2fsettings.py")).status_code == 404


async def test_a_strange_path_can_not_send_a_reader_elsewhere(running: Running) -> None:
    answer = await running.browser.get("https://warned.example//evil.example/")

    assert answer.status_code == 404
    assert "evil.example" not in answer.text


async def test_errors_are_pages_for_browsers_and_problems_for_programs(running: Running) -> None:
    page = await running.browser.get("/f/forged")
    problem = await running.browser.get("/f/forged", headers={"Accept": "*/*"})
    under_v1 = await running.browser.get("/v1/nothing")
    refused = await running.browser.delete("/verify")

    assert page.headers["content-type"].startswith("text/html")
    assert problem.json()["type"] == "/problems/not-found"
    assert under_v1.headers["content-type"] == "application/problem+json"
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


BROKEN = {"forged": "forged", "too long": "x" * 400, "not text": "a%00b", "not UTF-8": "%ff%fe", "empty": "%20"}


@pytest.mark.parametrize(
    ("language", "said"), [("en", "does not exist"), ("nl", "bestaat niet"), ("de", "gibt es nicht")]
)
async def test_a_link_that_leads_nowhere_is_a_page_that_says_so_in_the_readers_language(
    running: Running, links: Links, language: str, said: str
) -> None:
    cut = {
        "cut f": f"/f/{links.rating_token('open-smb', b'twelve bytes')[:-3]}",
        **{f"cut {page}": f"/{page}/{links.recipient_token(mail().notification_id)[:-3]}" for page in "ru"},
        "cut register": f"/register/{links.registration_token(mail().notification_id)[:-3]}",
    }
    pages = ("f", "r", "u", "register")
    addresses = {f"{name} {page}": f"/{page}/{token}" for name, token in BROKEN.items() for page in pages} | cut
    addresses["long reference"] = f"/verify/{'T' * 200}"

    for name, address in addresses.items():
        for method in ("GET",) if "reference" in name else ("GET", "POST"):
            answer = await running.browser.request(method, address, headers={"Accept-Language": language})

            assert answer.status_code == 404, (name, method, answer.text)
            assert answer.headers["content-type"].startswith("text/html"), (name, method)
            assert answer.headers["content-language"] == language, (name, method)
            assert said in answer.text, (name, method)


async def test_a_link_that_was_used_says_so_on_a_page(running: Running, links: Links) -> None:
    await running.hear(incident("open-smb", title="Open folders"), mail())
    rating, recipient = links.rating_token("open-smb", b"twelve bytes"), links.recipient_token(mail().notification_id)
    for address, form in ((f"/f/{rating}", {"useful": "1", "clear": "3"}), (f"/u/{recipient}", {})):
        assert (await running.browser.post(address, data=form)).status_code == 200

        for again in (await running.browser.get(address), await running.browser.post(address, data=form)):
            assert (again.status_code, again.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_a_bug_of_ours_is_a_page_that_says_nothing_of_it(running: Running) -> None:
    await running.rows("ALTER TABLE tallies RENAME TO mislaid")
    try:
        page = await running.browser.get("/")
        problem = await running.browser.get("/v1/statistics")
    finally:
        await running.rows("ALTER TABLE mislaid RENAME TO tallies")

    assert (page.status_code, problem.status_code) == (500, 500)
    assert "did not work" in page.text
    assert "tallies" not in page.text + problem.text
    assert problem.json()["type"] == "/problems/unexpected"
