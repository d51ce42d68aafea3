"""`security.txt` (RFC 9116) of a host: all that is ever fetched from an asset under report, and only if switched on."""

from datetime import datetime
from urllib.parse import unquote, urlsplit

import httpx
from sectxt import Parser

from libs.common.addresses import canonical_email
from libs.common.dns import DnsFailed
from services.attribution.domain.answers import SecurityTxt, Source
from services.attribution.domain.names import is_of_one_owner
from services.attribution.gateway.connections import NOT_AN_ANSWER, PublicTransport, Refused, client_of, in_a_word
from services.attribution.gateway.sources import SourceFailed

PATH = "/.well-known/security.txt"
MOST_BYTES = 32 * 1024
MOST_REDIRECTS = 3
MOST_CONTACTS = 10
MAILTO = "mailto:"
NOT_THERE = frozenset({404, 410})
ENVELOPE = b"BEGIN PGP SIGNED MESSAGE"
"""The parser takes the whole file apart at each of them, so a file of nothing else would keep it busy for minutes."""
BREAKS_OFF = (ValueError, IndexError, TypeError, OverflowError)
"""What the parser raises where it was not prepared for what stands there."""


class HttpSecurityTxt:
    """Asks the host itself, over HTTPS only."""

    source = Source.SECURITY_TXT

    def __init__(self, transport: PublicTransport, *, seconds: float, contact: str, port: int | None = None) -> None:
        """`port` is for tests."""
        self._client = client_of(transport, seconds=seconds, contact=contact)
        self._port = f":{port}" if port else ""

    async def ask(self, subject: str) -> SecurityTxt | None:
        first = f"https://{subject}{self._port}{PATH}"
        try:
            fetched = await self._fetch(first, host=subject)
        except DnsFailed as error:
            raise SourceFailed(str(error), is_its_own=True) from error
        except NOT_AN_ANSWER as error:
            raise SourceFailed(in_a_word(error), is_its_own=True) from error
        if fetched is None:
            return None
        url, content = fetched
        return read_security_txt(content, urls=list(dict.fromkeys((first, url))))

    async def _fetch(self, url: str, *, host: str) -> tuple[str, bytes] | None:
        """Redirects are followed by hand, and only to names of the same owner."""
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._client.get(url)
            if not response.is_redirect:
                return _content(url, response)
            url = str(response.url.join(response.headers.get("Location", "")))
            to = urlsplit(url).hostname or ""
            if not is_of_one_owner(to, host):
                raise Refused("it leads to somebody else's host")
        raise Refused("it leads from one page to the next")

    async def close(self) -> None:
        await self._client.aclose()


def _content(url: str, response: httpx.Response) -> tuple[str, bytes] | None:
    if response.status_code in NOT_THERE:
        return None
    if not response.is_success:
        raise SourceFailed(f"it answers {response.status_code}", is_its_own=True)
    is_text = response.headers.get("Content-Type", "text/plain").partition(";")[0].strip().lower() == "text/plain"
    return (url, response.content) if is_text else None


def read_security_txt(content: bytes, *, urls: list[str]) -> SecurityTxt | None:
    """What the file says; None for a page that is shown for everything, which names no contact."""
    if content.count(ENVELOPE) > 1:
        return None
    try:
        parsed = Parser(content, urls=urls)
    except BREAKS_OFF as error:
        raise SourceFailed("its security.txt can't be read", is_its_own=True) from error
    contacts = _values(parsed, "contact")
    if not contacts:
        return None
    emails = (_address(value) for value in contacts[:MOST_CONTACTS])
    return SecurityTxt(
        url=urls[-1],
        emails=tuple(dict.fromkeys(email for email in emails if email is not None)),
        languages=tuple(parsed.preferred_languages or ()),
        expires_at=_expiry(parsed),
    )


def _values(parsed: Parser, name: str) -> list[str]:
    return [line["value"] for line in parsed.lines if line["field_name"] == name and line["value"]]


def _address(value: str) -> str | None:
    """Only what is written as a `mailto:` is an address that wants to be written to."""
    if not value.lower().startswith(MAILTO):
        return None
    return canonical_email(unquote(value[len(MAILTO) :].partition("?")[0]))


def _expiry(parsed: Parser) -> datetime | None:
    for text in _values(parsed, "expires"):
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            continue
        if found.tzinfo is not None:
            return found
    return None
