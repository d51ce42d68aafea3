"""What holds for every mail that we send, as a mail program shows it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, Route

from libs.common.contracts import Asset, Product
from libs.common.vocabulary import Language, RecipientKind
from services.notifier.domain.letter import Letter, letter_of
from tests.browser.mails import PRESS, Sent, catalogue, corrected, sent
from tests.browser.pictures import WISHES, html_of
from tests.browser.sight import look
from tests.unit.notifier.builders import HOUSE, TOKENS, consignment, target

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE_PX, DESK_PX = 375, 900

languages = pytest.mark.parametrize("language", list(Language))
kinds = pytest.mark.parametrize("kind", list(RecipientKind))
numbers = pytest.mark.parametrize("findings", [1, 10, 40])


class MailProgram:
    """Shows a mail's HTML; runs no script, fetches nothing, and remembers what the mail asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.fetched: list[str] = []
        page.context.on("request", self._note)

    async def show(self, html: str) -> None:
        self.fetched.clear()
        await self.page.set_content(html)

    def _note(self, request: Request) -> None:
        self.fetched.append(request.url)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def program(browser: Browser) -> AsyncIterator[MailProgram]:
    context = await browser.new_context(java_script_enabled=False)
    await context.route("**/*", Route.abort)
    yield MailProgram(await context.new_page())
    await context.close()


@languages
@kinds
@numbers
async def test_a_mail_is_whole_and_readable_on_a_phone_and_at_a_desk_in_light_and_dark(
    program: MailProgram, gallery: Path, language: Language, kind: RecipientKind, findings: int
) -> None:
    await program.show(sent(language=language, kind=kind, findings=findings).html)

    for width in (PHONE_PX, DESK_PX):
        for dark in (False, True):
            assert (await look(program.page, width=width, dark=dark)).faults() == [], (width, dark)
    await program.page.screenshot(path=gallery / f"mail {language} {kind} {findings}.png", full_page=True)


@languages
@pytest.mark.parametrize("came_back", [1, 3])
async def test_that_something_came_back_is_readable_on_a_phone_and_at_a_desk(
    program: MailProgram, gallery: Path, language: Language, came_back: int
) -> None:
    await program.show(sent(language=language, findings=3, came_back=came_back).html)

    for width in (PHONE_PX, DESK_PX):
        for dark in (False, True):
            assert (await look(program.page, width=width, dark=dark)).faults() == [], (width, dark)
    await program.page.screenshot(path=gallery / f"came back {language} {came_back}.png", full_page=True)


@languages
@kinds
@numbers
async def test_a_correction_is_whole_and_says_the_same_as_its_text_and_links_to_nothing(
    program: MailProgram, gallery: Path, language: Language, kind: RecipientKind, findings: int
) -> None:
    mail = corrected(language=language, kind=kind, findings=findings, in_part=findings > 1)
    await program.show(mail.html)

    for width in (PHONE_PX, DESK_PX):
        for dark in (False, True):
            sight = await look(program.page, width=width, dark=dark)
            assert (sight.faults(), sight.media) == ([], []), (width, dark)
    await program.page.screenshot(path=gallery / f"correction {language} {kind} {findings}.png", full_page=True)
    assert program.fetched == []
    assert await program.page.locator("a, area, form, [href], [action]").count() == 0
    assert await program.page.locator("h1").all_inner_texts() == [mail.letter.title]
    shown, written = _in_one_line(await program.page.inner_text("body")), _in_one_line(mail.text)
    letter = mail.letter
    facts = (letter.greeting, letter.told, letter.verdict, letter.rest, letter.passed_on, HOUSE.verify_address)
    for fact in (*facts, *(finding.where for finding in letter.wrong)):
        assert _in_one_line(fact) in shown
        assert _in_one_line(fact) in written


@languages
@pytest.mark.parametrize("name", list(WISHES))
async def test_every_kind_of_mail_is_readable_on_a_phone_and_at_a_desk_in_light_and_dark(
    program: MailProgram, gallery: Path, language: Language, name: str
) -> None:
    await program.show(html_of(msgspec.structs.replace(WISHES[name], language=language)))

    for width in (PHONE_PX, DESK_PX):
        for dark in (False, True):
            sight = await look(program.page, width=width, dark=dark)
            assert (sight.faults(), sight.media) == ([], []), (width, dark)
    await program.page.screenshot(path=gallery / f"{name} {language}.png", full_page=True)
    assert program.fetched == []


@pytest.mark.parametrize("language", [Language.DUTCH, Language("de")])
@kinds
async def test_a_mail_stays_readable_where_its_style_sheet_is_taken_away(
    program: MailProgram, language: Language, kind: RecipientKind
) -> None:
    html = sent(language=language, kind=kind, findings=40).html
    before, _, rest = html.partition("<style>")

    await program.show(before + rest.partition("</style>")[2])

    for dark in (False, True):
        assert (await look(program.page, width=PHONE_PX, dark=dark)).faults() == []


@languages
async def test_no_advice_that_we_ship_breaks_a_mail_on_a_phone(program: MailProgram, language: Language) -> None:
    for incident in catalogue():
        await program.show(sent(incident=incident, language=language).html)

        assert (await look(program.page, width=PHONE_PX, dark=False)).faults() == [], incident


@kinds
async def test_a_mail_is_nothing_but_text_and_fetches_nothing(program: MailProgram, kind: RecipientKind) -> None:
    await program.show(sent(language=Language.DUTCH, kind=kind, findings=40, first=True).html)

    sight = await look(program.page, width=DESK_PX, dark=False)

    assert sight.media == []
    assert program.fetched == []


@languages
@kinds
async def test_every_link_leads_to_our_own_address_and_shows_where_it_goes(
    program: MailProgram, language: Language, kind: RecipientKind
) -> None:
    mail = sent(language=language, kind=kind, findings=40)
    await program.show(mail.html)

    links = await program.page.locator("a, area, form, [href], [action]").evaluate_all(
        "all => all.map(each => [each.getAttribute('href'), each.innerText])"
    )

    assert links == [[url, url] for url in filter(None, (mail.letter.page_url, mail.letter.rating_url))]
    assert all(target.startswith(f"{HOUSE.public_url}/") for target, _ in links)


@languages
@kinds
async def test_a_mail_has_a_language_and_one_heading_that_says_what_is_wrong(
    program: MailProgram, language: Language, kind: RecipientKind
) -> None:
    mail = sent(language=language, kind=kind)
    await program.show(mail.html)

    assert await program.page.locator("html").get_attribute("lang") == language
    assert await program.page.locator("h1").all_inner_texts() == [mail.letter.say(mail.letter.kind.problem)]


@languages
@kinds
@pytest.mark.parametrize("findings", [1, 40])
async def test_the_text_part_and_the_html_part_say_the_same(
    program: MailProgram, language: Language, kind: RecipientKind, findings: int
) -> None:
    mail = sent(language=language, kind=kind, findings=findings, first=True)
    await program.show(mail.html)

    shown, written = _in_one_line(await program.page.inner_text("body")), _in_one_line(mail.text)

    for fact in map(_in_one_line, _facts(mail)):
        assert fact in shown
        assert fact in written


def _facts(mail: Sent) -> Iterator[str]:
    """What a recipient has to know, whichever part their program shows."""
    letter = mail.letter
    yield from (letter.notification.reference, HOUSE.verify_address, HOUSE.desk_address)
    yield from (letter.page_url, letter.rating_url, letter.urgency)
    yield from map(letter.say, (letter.kind.greeting, letter.kind.problem, letter.kind.first_step))
    yield letter.say(letter.kind.seen.for_count(letter.places_total))
    for finding in letter.findings:
        yield from (finding.where, finding.port, finding.host_name, finding.what)
        yield from map(letter.words.at, (finding.first_seen_at, finding.last_seen_at))
    yield from (*letter.sources_in_words, *letter.because)
    yield from _advice(letter)
    yield letter.attached
    yield letter.introduction
    for label, value in letter.facts:
        yield from (label, value)
    if letter.is_in_part:
        yield letter.say(letter.words.phrases.more_findings)


def _advice(letter: Letter) -> Iterator[str]:
    advisory = letter.advisory
    yield from (*advisory.act, *advisory.sources)
    if letter.recipient_kind is not RecipientKind.NATIONAL_CERT:
        yield from (advisory.what, advisory.why, advisory.otherwise, *advisory.check)


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


async def test_what_others_wrote_stays_in_its_place_and_within_the_window(program: MailProgram) -> None:
    """A host name of three hundred characters, and a banner from the right to the left."""
    hebrew = "\u05e9\u05e8\u05ea \u05e7\u05d1\u05e6\u05d9\u05dd"
    long_name = "a" * 60 + "." + "b" * 235 + ".test"
    found = target(asset=Asset(ip="192.0.2.1", hostname=long_name), product=Product(vendor=hebrew, version="1.2.3"))
    letter = letter_of(consignment(found), words=PRESS.words(Language.DUTCH), house=HOUSE, tokens=TOKENS)
    await program.show(PRESS.print(letter).html)

    for width in (PHONE_PX, DESK_PX):
        assert (await look(program.page, width=width, dark=False)).faults() == []
    turned = program.page.locator('[dir="auto"]', has_text=hebrew)
    assert await turned.evaluate("each => getComputedStyle(each).direction") == "rtl"
    assert await turned.locator("..").evaluate("each => getComputedStyle(each).direction") == "ltr"
