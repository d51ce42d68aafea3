"""Pictures of some mails for people to look at: `python -m tests.browser.pictures FOLDER`.

Each as a phone and a desk show it, in light and dark. The tests judge more than these, but not whether it is beautiful.
"""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from libs.common.vocabulary import ClaimState, Language, RecipientKind
from services.notifier.domain.amount.repeats import Again
from services.notifier.domain.notification import Consignment
from services.notifier.domain.samples.beside import Came, SideKind, SideWish
from services.notifier.domain.samples.wish import Closed, Found, SampleMail, Wish
from tests.browser.mails import catalogue, corrected, sent
from tests.unit.notifier.test_reminders_and_round_ups import reminding, together, written
from tests.unit.notifier.test_samples import beside
from tests.unit.notifier.test_samples import html_of as html_of_mail
from tests.unit.notifier.test_samples import written as written_sample

WIDTHS_PX = (375, 900)
GERMAN = Language("de")
OWNER, TEAM = RecipientKind.NETWORK_OWNER, RecipientKind.NATIONAL_CERT


def _wish(
    incident: str = "open-smb", language: Language = Language.DUTCH, **wanted: Any
) -> Wish:  # Any: options differ
    return Wish(incident=incident, language=language, **wanted)


WISHES: dict[str, Wish | SideWish] = {
    "stolen accounts": _wish("stolen-credentials", findings=8),
    "stolen accounts to a team": _wish("stolen-credentials", GERMAN, findings=12, kind=TEAM, organisations=3),
    "of everything": _wish(language=GERMAN, found=Found.MIXED, findings=12, evidence=("company-registry", "platform")),
    "reminder, came back": _wish(mail=SampleMail.REMINDER, again=Again.CAME_BACK, mails=3, findings=3),
    "reminder to a network owner": _wish(language=GERMAN, mail=SampleMail.REMINDER, kind=OWNER, again=Again.WORSENED),
    "round-up of reminders": _wish(
        mail=SampleMail.ROUND_UP, others=("weak-tls", "open-rdp"), kind=OWNER, findings=12, again=Again.STILL_THERE
    ),
    "test of a round-up": _wish(
        language=GERMAN, mail=SampleMail.ROUND_UP, others=("weak-tls",), found=Found.ACCOUNTS, findings=4, is_test=True
    ),
    "correction in part": _wish(
        mail=SampleMail.CORRECTION, in_part=True, perhaps_told=True, found=Found.ACCOUNTS, findings=12
    ),
    "correction to a team": _wish(
        language=GERMAN, mail=SampleMail.CORRECTION, kind=TEAM, found=Found.MIXED, findings=7
    ),
    "copy": _wish(kind=TEAM, handed_over_because="also-warned", is_first=True),
    "hand-over of several": _wish(language=GERMAN, kind=TEAM, organisations=3, findings=12, found=Found.HOSTS),
    "test": _wish(language=GERMAN, is_test=True, reopened=Closed.NOT_SEEN_AGAIN, findings=2, reopened_findings=1),
    "claim": SideWish(mail=SideKind.CLAIM),
    "digest": SideWish(mail=SideKind.DIGEST, came=Came.MUCH),
    "registration, to confirm": SideWish(mail=SideKind.REGISTRATION),
    "registration of many, to confirm": SideWish(mail=SideKind.REGISTRATION, assets=45),
    "registration, what to do": SideWish(mail=SideKind.REGISTRATION_NEWS, assets=2),
    "registration, news": SideWish(
        mail=SideKind.REGISTRATION_NEWS, states=(ClaimState.PROVEN, ClaimState.LAPSED, ClaimState.REFUSED)
    ),
    "registration, news of everything": SideWish(mail=SideKind.REGISTRATION_NEWS, states=tuple(ClaimState), assets=45),
}
"""Kinds of mail that people can look at beforehand."""


def some_mails() -> dict[str, str]:
    """The HTML of each, by what it is."""
    owner, team = RecipientKind.NETWORK_OWNER, RecipientKind.NATIONAL_CERT
    return {
        "first, one finding": sent(language=Language.DUTCH, first=True).html,
        "critical, three findings": sent(language=Language.ENGLISH, incident="exchange-webshell", findings=3).html,
        "German, ten findings": sent(language=GERMAN, findings=10).html,
        "forty findings": sent(language=Language.DUTCH, findings=40).html,
        "came back": sent(language=Language.ENGLISH, findings=3, came_back=3).html,
        "stolen passwords": sent(language=GERMAN, incident="stolen-credentials", first=True).html,
        "network owner": sent(language=Language.ENGLISH, kind=owner, findings=40, first=True).html,
        "team": sent(language=Language.DUTCH, kind=team, findings=10).html,
        "advice in another language": sent(language=GERMAN, findings=2, without_advice_in=GERMAN).html,
        "correction": corrected(language=Language.DUTCH, findings=3, in_part=True).html,
        "round-up": _html_of(together(places=3)),
        "reminder": _html_of(reminding(mails=2)),
        **{name: html_of(wish) for name, wish in WISHES.items()},
    }


def html_of(wish: Wish | SideWish) -> str:
    """Of a mail about things that are made up."""
    return html_of_mail(beside(wish) if isinstance(wish, SideWish) else written_sample(wish, known=catalogue()))


def _html_of(consignment: Consignment) -> str:
    message, _ = written(consignment)
    html = message.get_body(("html",))
    return str(html.get_content()) if html is not None else ""


async def take_pictures(browser: Browser, folder: Path) -> None:
    page = await browser.new_page(java_script_enabled=False)
    for name, html in some_mails().items():
        await page.set_content(html)
        for width in WIDTHS_PX:
            await page.set_viewport_size({"width": width, "height": 800})
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                await page.screenshot(path=folder / f"{name}, {width} px, {scheme}.png", full_page=True)


async def main(folder: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        await take_pictures(browser, folder)
        await browser.close()


if __name__ == "__main__":
    wanted = Path(sys.argv[1])
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
