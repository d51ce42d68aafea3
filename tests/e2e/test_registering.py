"""A florist registers by itself in a browser, proves what is its own, and is warned about that and nothing else."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_network
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from libs.common.vocabulary import ClaimState, Language
from services.feedback.api.wording import read_wordings
from tests.browser.conftest import ARGUMENTS
from tests.e2e.conftest import System, until
from tests.e2e.test_main_job import feed, plain_text, push_and_settle, row

NAME, MAILBOX, PROVIDER = "Bloemist Smit", "info@bloemist-smit.example", "abuse@provider.example"
DOMAIN, RANGE = "bloemist-smit.example", "192.0.2.160/28"
WORDS = read_wordings()[Language.DUTCH]
NEWS_SECONDS = 150.0
"""News waits a minute for other news, and the relay may refuse it a few times."""


@dataclass(frozen=True, slots=True)
class Florist:
    """What its owner sees: pages in a browser without scripts, and mails. `provider` has a browser too."""

    system: System
    page: Page
    provider: Page

    def fill_in(self) -> None:
        self.page.goto(f"{self.system.stack.endpoints.services['feedback']}/register")
        self.page.get_by_label(WORDS.register["organisation_label"]).fill(NAME)
        self.page.get_by_label(WORDS.register["email_label"]).fill(MAILBOX)
        self.page.get_by_label(WORDS.register["domains_label"]).fill(DOMAIN)
        self.page.get_by_label(WORDS.register["ranges_label"]).fill(RANGE)
        self.press(WORDS.register["button"])

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def state_of(self, asset: str) -> str:
        """As the page has it now, opened anew: to load it again would send its form again. Empty for what it lacks."""
        self.page.goto(self.page.url)
        card = self.page.locator("ul.assets > li").filter(has=self.page.get_by_text(asset, exact=True))
        return card.locator(".state").inner_text() if card.count() else ""

    def sees(self, asset: str, state: ClaimState) -> None:
        until(lambda: True if self.state_of(asset) == WORDS.states[state] else None)

    def mail_about_registration(self, *mentions: str, seconds: float = NEWS_SECONDS) -> str:
        """The text of the newest mail about the registration that mentions all this."""

        def look() -> str | None:
            texts = [plain_text(mail) for mail in self.mails() if mail["X-Tocsin-Registration"]]
            return next((text for text in reversed(texts) if all(each in text for each in mentions)), None)

        return until(look, seconds=seconds)

    def mails(self) -> list[EmailMessage]:
        return self.system.mails_to(MAILBOX)

    def warnings(self) -> list[str]:
        return [plain_text(mail) for mail in self.mails() if mail["X-Tocsin-Reference"]]

    def publish_record(self, text: str) -> None:
        """Do as the mail says: put the record into the DNS."""
        name = found(rf"(?m)^\s*(_tocsin-challenge\.{re.escape(DOMAIN)})$", text)
        value = found(r"(?m)^\s*(tocsin-proof=\w+)$", text)
        with self.system.layout.records.open("a") as zone:
            zone.write(f'{name} TXT "{value}"\n')

    def provider_types_code(self) -> None:
        """Its contact in the registry was asked, and says yes."""
        asked = until(lambda: next(filter(asks_about_range, self.system.mails_to(PROVIDER)), None))
        text = plain_text(asked)
        self.provider.goto(found(r"(http\S+/claims/\S+)", text))
        self.provider.get_by_label("Code", exact=True).fill(found(r"(?m)^\s+([0-9A-Z]{4}(?:-[0-9A-Z]{4})+)$", text))
        self.provider.get_by_role("button").first.click()
        assert self.provider.get_by_role("status").is_visible()


@pytest.fixture
def florist(system: System) -> Iterator[Florist]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        windows = [browser.new_context(locale="nl", java_script_enabled=False) for _ in range(2)]
        yield Florist(system, *(window.new_page() for window in windows))
        browser.close()


def test_who_registers_by_itself_is_warned_about_what_it_has_proven_until_it_takes_that_back(florist: Florist) -> None:
    _ask_and_confirm(florist)
    instructions = florist.mail_about_registration(f"_tocsin-challenge.{DOMAIN}", "a***[@]provider[.]example")
    florist.sees(DOMAIN, ClaimState.RECORD_WANTED)
    florist.sees(RANGE, ClaimState.CONTACT_ASKED)
    assert ends(florist, host="www", nth=1) == ["unattributable", "notified"]
    assert_told(florist, nth=1, provider=True)
    assert florist.warnings() == []

    florist.publish_record(instructions)
    florist.sees(DOMAIN, ClaimState.PROVEN)
    assert WORDS.progress["proven_record"] in florist.page.locator("main").inner_text()
    assert ends(florist, host="winkel", nth=2) == ["notified", "notified"]
    until(lambda: any(unclickable(f"winkel.{DOMAIN}") in text for text in florist.warnings()) or None)
    assert_told(florist, nth=2, provider=True)

    florist.provider_types_code()
    florist.sees(RANGE, ClaimState.PROVEN)
    assert ends(florist, host="kassa", nth=3) == ["notified", "notified"]
    assert_told(florist, nth=3, provider=False)
    florist.mail_about_registration(unclickable(RANGE), "DIT IS VAN U")

    _take_back_and_withdraw(florist)


def _ask_and_confirm(florist: Florist) -> None:
    """Nothing happens before it is confirmed, and looking at the page confirms nothing."""
    florist.fill_in()
    assert florist.heading() == WORDS.register["asked_title"]
    question = florist.mail_about_registration("/register/", seconds=60)
    florist.page.goto(found(r"(http\S+/register/\S+)", question))
    assert florist.heading() == WORDS.registration["confirm_title"]
    assert registered_by_itself(florist.system) == []

    florist.press(WORDS.registration["confirm_button"])
    assert florist.heading() == WORDS.registration["title"]
    until(lambda: registered_by_itself(florist.system) or None)


def _take_back_and_withdraw(florist: Florist) -> None:
    florist.page.get_by_role("checkbox", name=RANGE).check()
    florist.press(WORDS.registration["take_button"])
    assert florist.state_of(RANGE) == ""
    until(lambda: True if whose(florist.system, address(4)) == "network-owner" else None)
    assert ends(florist, host="kas", nth=4) == ["notified", "notified"]
    assert_told(florist, nth=4, provider=True)

    florist.press(WORDS.registration["withdraw_button"])
    florist.press(WORDS.registration["sure_button"])
    assert florist.heading() == WORDS.messages["registration_withdrawn"].title
    until(lambda: True if registered_by_itself(florist.system) == [] else None)
    before = len(florist.warnings())
    assert ends(florist, host="nieuw", nth=5) == ["unattributable", "notified"]
    assert len(florist.warnings()) == before
    until(lambda: True if waiting_mails(florist.system) == [] else None, seconds=NEWS_SECONDS)


def ends(florist: Florist, *, host: str, nth: int) -> list[str]:
    """Push a record about a name of the domain and one about the nth address of the range: where each ends."""
    seen_at = datetime.now(UTC) - timedelta(hours=1)
    name = f"{host}.{DOMAIN}"
    record = {
        "seen_at": f"{seen_at:%Y-%m-%dT%H:%M:%SZ}",
        "category": "intrusions/system-compromise",
        "identifier": "compromised-website",
        "asset": {"domain": name, "url": f"https://{name}/a.php"},
    }
    receipts = (
        push_and_settle(florist.system, json.dumps(record) + "\n", format="tocsin-ndjson"),
        push_and_settle(florist.system, feed(row(address(nth))), report_type="scan_smb"),
    )
    return [outcome for receipt in receipts for outcome in receipt["outcomes"]]


def assert_told(florist: Florist, *, nth: int, provider: bool) -> None:
    """Who was told of this address: the provider, or else the florist."""
    shown = unclickable(address(nth))
    told, other = (PROVIDER, MAILBOX) if provider else (MAILBOX, PROVIDER)

    def mentioned_to(mailbox: str) -> bool:
        return any(shown in plain_text(mail) for mail in florist.system.mails_to(mailbox))

    until(lambda: mentioned_to(told) or None)
    assert not mentioned_to(other)


def address(nth: int) -> str:
    return str(ip_network(RANGE)[nth])


def unclickable(asset: str) -> str:
    """As mails write it."""
    return asset.replace(".", "[.]")


def asks_about_range(mail: EmailMessage) -> bool:
    return "/claims/" in plain_text(mail) and NAME in plain_text(mail)


def registered_by_itself(system: System) -> list[dict[str, Any]]:  # Any: JSON
    listed = system.operator("attribution").get("/v1/organisations", params={"self_registered": "true"})
    return [each for each in listed.raise_for_status().json()["items"] if each["name"] == NAME]


def waiting_mails(system: System) -> list[dict[str, Any]]:  # Any: JSON
    """About registrations, that may still go out while other tests count theirs."""
    listed = system.operator("notifier").get("/v1/registration-mails", params={"limit": 500}).raise_for_status().json()
    return [mail for mail in listed["items"] if mail["state"] not in {"sent", "cancelled"}]


def whose(system: System, address: str) -> str:
    route: str = system.operator("attribution").get("/v1/lookup", params={"ip": address}).json()["route"]
    return route


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, "\n".join(text.splitlines()))
    assert match is not None, text
    return match[1]
