"""Recipients answer: they open the links of their mails, fill in the forms, and nothing else."""

from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin
from uuid import UUID

import httpx

from deploy.demo.apis import Api, Threat, success
from deploy.demo.mails import Mail
from deploy.demo.patience import look_until
from deploy.local.complaints import Complaint

FILED_SECONDS = 30
CLOSED_SECONDS = 30


class Form(HTMLParser):
    """The first form of a page: where it goes, and its fields by name with the values that can be chosen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, list[str]] = {}
        self._is_open = False
        self._is_done = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form" and not self._is_done:
            self._is_open = True
            self.action = attributes.get("action") or ""
        elif self._is_open and tag in ("input", "textarea", "select") and (name := attributes.get("name")):
            self.fields.setdefault(name, []).append(attributes.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._is_open:
            self._is_open, self._is_done = False, True


async def rate(mail: Mail, *, useful: int, clear: int, text: str) -> None:
    """Rate a mail by its anonymous page."""
    await _fill_in(mail.link("f"), {"useful": str(useful), "clear": str(clear), "text": text})


async def call_wrong(mail: Mail, *, text: str) -> None:
    """Say by the recipient's own page that it is a false positive, all of it."""
    await _fill_in(mail.link("r"), {"kind": "false-positive", "text": text})


async def threats_in_state(threat_ids: set[UUID], state: str, *, verifier: Api) -> set[UUID]:
    """Wait until the verifier has all of these threats in this state; those that are, when it takes too long."""

    async def found() -> set[UUID]:
        threats = [await verifier.get(f"/v1/threats/{number}", Threat) for number in threat_ids]
        return {threat.id for threat in threats if threat.state == state}

    return await look_until(found, lambda seen: seen == threat_ids, within_seconds=CLOSED_SECONDS)


async def _fill_in(link: str, values: Mapping[str, str]) -> None:
    """Open the page, fill in its form and send it. `Complaint` where it has no such field or choice."""
    async with httpx.AsyncClient(timeout=FILED_SECONDS) as browser:
        form = Form(await _page(browser, link))
        for name, value in values.items():
            choices = form.fields.get(name, [])
            if value not in choices and choices != [""]:
                raise Complaint(f"{link} does not let one say {name}={value!r}")
        success(await browser.post(urljoin(link, form.action), data=dict(values)))


async def _page(browser: httpx.AsyncClient, link: str) -> str:
    """The page; a mail may arrive a moment before feedback knows of it."""

    async def open_link() -> httpx.Response:
        return await browser.get(link)

    answer = await look_until(
        open_link, lambda seen: seen.status_code != httpx.codes.SERVICE_UNAVAILABLE, within_seconds=FILED_SECONDS
    )
    return success(answer).text
