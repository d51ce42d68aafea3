"""The public pages, and people who visit them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Route

from libs.common.contracts import (
    FollowedAsset,
    NotificationSent,
    RegistrationConfirmed,
    RegistrationFollowed,
    RegistrationToConfirm,
)
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.vocabulary import AssetKind, ClaimState, Language, RecipientKind
from tests.integration.feedback.conftest import Running
from tests.integration.feedback.mails import SENT_AT, incident, mail

PUBLIC_URL = "https://warned.example"
LONG_TITLE = "Uw Microsoft Exchange-server mist belangrijke beveiligingsupdates voor beheerdersaccounts"


@dataclass(frozen=True, slots=True)
class Site:
    """The feedback service with a past. Each test may add mails of its own."""

    browser: Browser
    service: Running
    links: Links

    async def warn_the_world(self) -> None:
        """Enough of each for the public numbers to be shown, over all months of a year."""
        await self.service.hear(
            incident("open-smb", title="Open folders"),
            incident("exchange-vulnerable", title=LONG_TITLE),
            *(mail(f"open {n}", sent_at=SENT_AT.replace(month=1 + n % 12)) for n in range(1200)),
            *(mail(f"exchange {n}", incident="exchange-vulnerable") for n in range(60)),
            *(mail(f"owner {n}", kind=RecipientKind.NETWORK_OWNER) for n in range(30)),
            *(mail(f"few {n}", incident="zimbra-vulnerable") for n in range(2)),
        )
        for n in range(6):
            rating = {"useful": "5", "clear": str(1 + n % 5)}
            (await self.service.browser.post(self.rating_path(f"past {n}"), data=rating)).raise_for_status()

    async def notify(self, name: str, *, assets: tuple[str, ...], language: Language) -> NotificationSent:
        sent = mail(name, assets=assets, language=language)
        await self.service.hear(sent)
        return sent

    async def register(self, name: str, *, assets: tuple[str, ...], language: Language) -> str:
        """Where the mail leads that asks whether a registration is right. Each name is an organisation."""
        form = {"organisation": name, "email": f"{derived_id(name, language)}@bakery.example", "language": language}
        sent = await self.service.browser.post("/register", data={**form, "domains": "\n".join(assets)})
        sent.raise_for_status()
        asked = (await self.service.told(RegistrationToConfirm))[-1]
        return f"/register/{self.links.registration_token(asked.registration_id)}"

    async def registered(self, name: str, *, language: Language) -> str:
        """The page of an organisation that has an asset in every state."""
        assets = [f"{state}.{'abcdefghij' * 5}.example" for state in (*ClaimState, "just-registered")]
        path = await self.register(name, assets=tuple(assets), language=language)
        (await self.service.browser.post(path, data={"do": "confirm"})).raise_for_status()
        confirmed = (await self.service.told(RegistrationConfirmed))[-1]
        followed = [
            FollowedAsset(
                kind=AssetKind.DOMAIN,
                value=value,
                state=state,
                record_name=f"_tocsin-challenge.{value}",
                record_value="tocsin-proof=" + "0123456789" * 4,
                contact="a***@network.example",
                until=SENT_AT,
            )
            for state, value in zip(ClaimState, assets, strict=False)
        ]
        await self.service.hear(
            RegistrationFollowed(
                registration_id=confirmed.registration_id,
                revision=1,
                answers=1,
                organisation_id=derived_id("organisation", name),
                organisation=name,
                email=confirmed.email,
                language=language,
                assets=tuple(followed),
                at=confirmed.at,
            )
        )
        return path

    def rating_path(self, nonce: str) -> str:
        """The same nonce, of at most twelve characters, gives the same link."""
        return f"/f/{self.links.rating_token('open-smb', nonce.encode().ljust(12))}"

    def recipient_path(self, notification: NotificationSent) -> str:
        return f"/r/{self.links.recipient_token(notification.notification_id)}"

    @asynccontextmanager
    async def visit(
        self, path: str, *, language: Language, width: int = 900, scripts: bool = False
    ) -> AsyncIterator[Page]:
        """A page in a new window of a reader of this language, without scripts unless told otherwise.

        Fails where the browser complained, of the page's policy too, or was led off the site.
        """
        complaints: list[str] = []
        context = await self.browser.new_context(
            locale=language, viewport={"width": width, "height": 800}, java_script_enabled=scripts
        )
        await context.route("**/*", partial(self._answer, complaints=complaints))
        _listen(context, complaints)
        try:
            page = await context.new_page()
            await page.goto(PUBLIC_URL + path)
            yield page
        finally:
            await context.close()
        assert complaints == [], complaints

    async def _answer(self, route: Route, *, complaints: list[str]) -> None:
        """Hand a request to the service, without a network in between; what is not for the service goes nowhere.

        Chromium would look for the target of a redirect in the network, so that is gone to here.
        """
        request = route.request
        if not request.url.startswith(f"{PUBLIC_URL}/"):
            complaints.append(f"asked for {request.url}")
            await route.abort()
            return
        answer = await self.service.browser.request(
            request.method, request.url, headers=request.headers, content=request.post_data_buffer
        )
        await route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=answer.content)


def _listen(context: BrowserContext, complaints: list[str]) -> None:
    def hear(message: ConsoleMessage) -> None:
        # A page that is an error page by its status is one on purpose.
        if message.type in ("error", "warning") and "responded with a status of" not in message.text:
            complaints.append(message.text)

    context.on("console", hear)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
