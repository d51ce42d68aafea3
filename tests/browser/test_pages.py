"""What holds for every public page, as a browser shows it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page

from libs.common.vocabulary import Language
from services.feedback.api.wording import read_wordings
from tests.browser.sight import look
from tests.browser.site import Site
from tests.integration.feedback.mails import mail

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = read_wordings()
SMALLEST_PX, DESK_PX = 320, 900
ASSETS = (
    "192.0.2.14",
    "2001:db8:1111:2222:3333:4444:5555:6666",
    "https://www.bakery.example/" + "abcdefghij" * 12,
    *(f"198.51.100.{n}" for n in range(9)),
)

DOMAINS = ("bakery.example", f"{'abcdefghij' * 6}.{'abcdefghij' * 6}.example")

FIELDS = "input:not([type=hidden]), textarea"
WITHOUT_LABEL = """fields => fields
  .filter(field => !field.labels[0]?.innerText.trim())
  .map(field => field.outerHTML)"""
# A group of radio buttons is one stop.
STOPS_WANTED = """() => {
  const inputs = "input:not([type=hidden], [type=radio])";
  const single = document.querySelectorAll(`a[href], button, textarea, summary, ${inputs}`);
  const groups = new Set([...document.querySelectorAll("input[type=radio]")].map(radio => radio.name));
  return single.length + groups.size;
}"""
# An input that is drawn by its label is itself transparent.
STOP = """() => {
  const focused = document.activeElement;
  if (focused === document.body) return null;
  const drawn = getComputedStyle(focused).opacity === "0" ? focused.labels[0] : focused;
  const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
  const { top, bottom } = drawn.getBoundingClientRect();
  return {
    html: focused.outerHTML,
    marked: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    in_view: bottom > 0 && top < innerHeight,
  };
}"""

NAMES = (
    "front",
    "verify",
    "genuine",
    "unknown",
    "rating",
    "rating, sent empty",
    "recipient",
    "recipient, sent empty",
    "unsubscribe",
    "register",
    "register, sent empty",
    "to confirm",
    "registration",
    "registration, sent empty",
    "withdraw",
    "lost",
    "not filed yet",
)


class Stop(msgspec.Struct, frozen=True):
    """What the Tab key came to; whether a ring is around it, and any of it in the window."""

    html: str
    marked: bool
    in_view: bool


@dataclass(frozen=True, slots=True)
class Opened:
    page: Page
    name: str
    language: Language


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="session",
    params=[pytest.param((name, language), id=f"{name}-{language}") for name in NAMES for language in Language],
)
async def opened(site: Site, request: pytest.FixtureRequest) -> AsyncIterator[Opened]:
    """Each page in each language, opened once for all its tests."""
    name, language = request.param
    async with site.visit(await path_of(site, name, language), language=language, scripts=True) as page:
        await bring_to(page, name)
        yield Opened(page, name, language)


async def path_of(site: Site, name: str, language: Language) -> str:
    """Where a page is, with a mail of its own behind it."""
    if name in ("to confirm", "withdraw"):
        return await site.register(f"{name} {language}", assets=DOMAINS, language=language)
    if name.startswith("registration"):
        return await site.registered(f"{name} {language}", language=language)
    about = await site.notify(f"{name} {language}", assets=ASSETS, language=language)
    recipient = site.recipient_path(about)
    return {
        "front": "/",
        "verify": "/verify",
        "register": "/register",
        "genuine": f"/verify/{about.reference}",
        "unknown": "/verify/TOC-1",
        "rating": site.rating_path("looked at"),
        "recipient": recipient,
        "unsubscribe": recipient.replace("/r/", "/u/"),
        "lost": "/nowhere",
        "not filed yet": site.recipient_path(mail("never heard of")),
    }[name.partition(",")[0]]


async def bring_to(page: Page, name: str) -> None:
    """From the page's path to what its name says, everything on it unfolded."""
    if name == "withdraw":
        await press(page.locator("form.card button"))
        await press(page.locator(".apart button"))
    if name.endswith("sent empty"):
        await press(page.locator("form.card button").first)
        await page.get_by_role("alert").wait_for()
    for summary in await page.locator("summary").all():
        await summary.click()


async def press(button: Locator) -> None:
    async with button.page.expect_navigation():  # waits for the style sheet too
        await button.click()


async def test_a_page_is_whole_and_readable_on_the_smallest_phone_and_at_a_desk_in_light_and_dark(
    opened: Opened, gallery: Path
) -> None:
    for width in (SMALLEST_PX, DESK_PX):
        for dark in (False, True):
            assert (await look(opened.page, width=width, dark=dark)).faults() == [], (width, dark)
    await opened.page.screenshot(path=gallery / f"page {opened.name} {opened.language}.png", full_page=True)


async def test_a_page_speaks_the_readers_language_under_one_heading_and_names_every_field(opened: Opened) -> None:
    page, words = opened.page, WORDS[opened.language]

    assert await page.locator("html").get_attribute("lang") == opened.language
    assert await page.get_by_role("link", name=words.shared["figures"], exact=True).count() == 1
    assert await page.locator("h1").count() == 1
    assert await page.locator(FIELDS).evaluate_all(WITHOUT_LABEL) == []


async def test_whoever_goes_through_a_page_by_keyboard_reaches_everything_and_sees_where_they_are(
    opened: Opened,
) -> None:
    await opened.page.set_viewport_size({"width": SMALLEST_PX, "height": 800})

    stops = await _stops(opened.page)

    assert len(stops) == await opened.page.evaluate(STOPS_WANTED)
    assert [stop for stop in stops if not stop.marked or not stop.in_view] == []


async def _stops(page: Page) -> list[Stop]:
    """Where the Tab key leads, from the top of the page until it leaves it."""
    await page.locator("body").evaluate("body => { document.activeElement.blur(); body.tabIndex = -1; body.focus() }")
    stops: list[Stop] = []
    while len(stops) < 200:
        await page.keyboard.press("Tab")
        stop = await page.evaluate(STOP)
        if stop is None:
            return stops
        stops.append(msgspec.convert(stop, Stop))
    raise AssertionError("the Tab key goes in circles")
