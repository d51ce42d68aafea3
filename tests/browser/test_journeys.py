"""What people come to do on the public pages, done with a keyboard, in a browser that runs no scripts."""

import pytest
from playwright.async_api import Locator, Page

from libs.common.contracts import RegistrationConfirmed, RegistrationToConfirm
from libs.common.vocabulary import FeedbackKind, Language
from services.feedback.api.wording import read_wordings
from tests.browser.site import Site
from tests.integration.feedback.mails import threat

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = read_wordings()

languages = pytest.mark.parametrize("language", list(Language))


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it is there; fails where Tab does not lead."""
    for _ in range(60):
        if await wanted.evaluate("wanted => wanted === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {wanted}")


async def press_on(page: Page, wanted: Locator, key: str) -> None:
    await tab_to(page, wanted)
    await page.keyboard.press(key)


async def send(page: Page, button: str) -> None:
    """Press the form's button and wait for what the service says."""
    await tab_to(page, page.get_by_role("button", name=button, exact=True))
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def heading(page: Page) -> str:
    return await page.locator("h1").inner_text()


@languages
async def test_a_recipient_rates_a_mail_and_the_first_rating_stands(site: Site, language: Language) -> None:
    words = WORDS[language]
    link = site.rating_path(f"rate {language}")
    async with (
        site.visit(link, language=language) as page,
        site.visit(link, language=language) as opened_before,
    ):
        await _rate(page, useful=4, clear=5, text="Fijn!", button=words.rating["button"])
        assert await heading(page) == words.messages["rated"].title

        await _rate(opened_before, useful=1, clear=1, text="", button=words.rating["button"])
        assert await heading(opened_before) == words.messages["already_rated"].title

    rating = (await site.service.said())[-1]
    assert (rating.kind, rating.useful, rating.clear, rating.text) == (FeedbackKind.RATING, 4, 5, "Fijn!")
    async with site.visit(link, language=language) as later:
        assert await heading(later) == words.messages["already_rated"].title


async def _rate(page: Page, *, useful: int, clear: int, text: str, button: str) -> None:
    for name, mark in (("useful", useful), ("clear", clear)):
        await press_on(page, page.locator(f"#{name}-1"), "Space")
        for _ in range(1, mark):
            await page.keyboard.press("ArrowRight")
    await tab_to(page, page.locator("textarea"))
    await page.keyboard.type(text)
    await send(page, button)


@languages
async def test_a_recipient_says_that_it_is_fixed_and_finds_that_on_their_page(site: Site, language: Language) -> None:
    words = WORDS[language]
    about = await site.notify(f"fixed {language}", assets=("192.0.2.14",), language=language)
    async with site.visit(site.recipient_path(about), language=language) as page:
        await press_on(page, page.get_by_label(words.choices["fixed"]), "Space")
        await send(page, words.recipient["button"])
        assert await heading(page) == words.messages["fixed"].title

    answer = (await site.service.said())[-1]
    assert (answer.kind, answer.notification_id) == (FeedbackKind.FIXED, about.notification_id)
    async with site.visit(site.recipient_path(about), language=language) as later:
        told = later.get_by_role("heading", name=words.recipient["so_far"]).locator("..")
        assert words.choices["fixed"] in await told.inner_text()


@languages
async def test_a_false_positive_of_one_asset_needs_a_reason_and_keeps_what_was_chosen(
    site: Site, language: Language
) -> None:
    words = WORDS[language]
    about = await site.notify(f"wrong {language}", assets=("192.0.2.14", "192.0.2.15"), language=language)
    async with site.visit(site.recipient_path(about), language=language) as page:
        # Space would choose the first of the group, and the arrow goes on from there.
        await press_on(page, page.get_by_label(words.choices["fixed"]), "Space")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await press_on(page, page.get_by_label("192[.]0[.]2[.]15"), "Space")
        await send(page, words.recipient["button"])

        complaint = page.get_by_role("alert").get_by_role("link", name=words.recipient["lacking_text"])
        await press_on(page, complaint, "Enter")
        await page.keyboard.type("honeypot")
        await send(page, words.recipient["button"])
        assert await heading(page) == words.messages["false_positive"].title

    answer = (await site.service.said())[-1]
    assert (answer.kind, answer.text) == (FeedbackKind.FALSE_POSITIVE, "honeypot")
    assert answer.threat_ids == (threat(f"wrong {language}", "192.0.2.15"),)


@languages
async def test_a_reader_checks_a_reference_however_it_is_typed(site: Site, language: Language) -> None:
    words = WORDS[language]
    about = await site.notify(f"genuine {language}", assets=("192.0.2.14",), language=language)
    code = about.reference.removeprefix("TOC-").lower()
    async with site.visit("/", language=language) as page:
        async with page.expect_navigation():
            await press_on(page, page.get_by_role("main").get_by_role("link", name=words.shared["check"]), "Enter")
        await _check(page, f" toc {code[:4]} {code[4:]} ", button=words.verify["button"])

        verdict = page.get_by_role("status")
        assert await verdict.get_by_role("heading").inner_text() == words.verify["yes"]
        assert about.subject in await verdict.inner_text()


@languages
async def test_a_reader_learns_that_a_made_up_reference_is_not_ours(site: Site, language: Language) -> None:
    words = WORDS[language]
    async with site.visit("/verify", language=language) as page:
        await _check(page, "TOC-123456789A", button=words.verify["button"])

        verdict = page.get_by_role("status")
        assert await verdict.get_by_role("heading").inner_text() == words.verify["no"]
        assert await page.get_by_label(words.verify["label"]).input_value() == "TOC-123456789A"


async def _check(page: Page, reference: str, *, button: str) -> None:
    await tab_to(page, page.locator("#reference"))
    await page.keyboard.type(reference)
    await send(page, button)


@languages
async def test_a_recipient_stops_the_mails_only_by_pressing_the_button(site: Site, language: Language) -> None:
    words = WORDS[language]
    about = await site.notify(f"stop {language}", assets=("192.0.2.14",), language=language)
    path = site.recipient_path(about).replace("/r/", "/u/")
    before = len(await site.service.said())
    async with site.visit(path, language=language) as page:
        assert len(await site.service.said()) == before

        await send(page, words.unsubscribe["button"])
        assert await heading(page) == words.messages["opt_out"].title

    assert [answer.kind for answer in (await site.service.said())[before:]] == [FeedbackKind.OPT_OUT]


@languages
async def test_an_organisation_registers_confirms_changes_and_withdraws(site: Site, language: Language) -> None:
    words = WORDS[language]
    name = f"Journey {language}"
    async with site.visit("/", language=language) as page:
        async with page.expect_navigation():
            await press_on(page, page.get_by_role("link", name=words.statistics["register_button"]), "Enter")
        for field, text in (("organisation", name), ("email", f"{language}@journey.example"), ("domains", "nl")):
            await tab_to(page, page.locator(f"#{field}"))
            await page.keyboard.type(text)
        await send(page, words.register["button"])

        await press_on(page, page.get_by_role("alert").get_by_role("link").first, "Enter")
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.type("journey.example")
        await send(page, words.register["button"])
        assert await heading(page) == words.register["asked_title"]
        assert f"{language}@journey.example" in await page.inner_text("main")

    asked = (await site.service.told(RegistrationToConfirm))[-1]
    assert (asked.organisation, asked.language) == (name, language)
    link = f"/register/{site.links.registration_token(asked.registration_id)}"
    async with site.visit(link, language=Language.DUTCH) as page:
        assert await heading(page) == words.registration["confirm_title"]
        await send(page, words.registration["confirm_button"])
        assert await page.get_by_role("status").inner_text() == words.done["confirmed"]

        await tab_to(page, page.locator("#asns"))
        await page.keyboard.type("AS64500")
        await send(page, words.registration["add_button"])
        await press_on(page, page.get_by_label("journey.example"), "Space")
        await send(page, words.registration["take_button"])
        assert await page.get_by_role("status").inner_text() == words.done["taken_back"]

        await send(page, words.registration["withdraw_button"])
        assert await heading(page) == words.registration["sure_title"]
        await send(page, words.registration["sure_button"])
        assert await heading(page) == words.messages["registration_withdrawn"].title

    told = [event for event in await site.service.told(RegistrationConfirmed) if event.organisation == name]
    assert [[asset.value for asset in event.assets] for event in told] == [
        ["journey.example"],
        ["journey.example", "AS64500"],
        ["AS64500"],
        [],
    ]
    assert [event.is_withdrawn for event in told] == [False, False, False, True]


async def test_a_reader_changes_the_language_and_stays_on_the_page(site: Site) -> None:
    about = await site.notify("language", assets=("192.0.2.14",), language=Language.DUTCH)
    async with site.visit(site.recipient_path(about), language=Language.DUTCH) as page:
        async with page.expect_navigation():
            await press_on(page, page.get_by_role("link", name="English"), "Enter")

        assert await page.locator("html").get_attribute("lang") == "en"
        assert about.reference in await page.inner_text("main")


async def test_a_page_that_broke_its_own_policy_would_be_noticed(site: Site) -> None:
    """The eye for complaints is open."""
    with pytest.raises(AssertionError, match="Content Security Policy"):
        async with site.visit("/", language=Language.ENGLISH, scripts=True) as page:
            await page.locator("body").evaluate("body => body.setAttribute('style', 'color: red')")
