"""RDAP: who registered a domain, and whose network an address lies in, by the registry that is responsible for it.

`whoisit` knows which registry that is and reads its answers; it does not ask. Its requests would follow redirects to
anywhere, try again by themselves and share their state with the whole process, so the asking is ours.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from whoisit.bootstrap import Bootstrap
from whoisit.errors import BootstrapError, ParseError, QueryError, UnsupportedError
from whoisit.parser import parse
from whoisit.query import QueryBuilder

from libs.common.addresses import canonical_email
from libs.common.dns import DnsFailed
from libs.common.errors import Fatal
from services.attribution.domain.answers import DomainRegistration, NetworkRegistration, PublishedContact, Source
from services.attribution.domain.mailboxes import is_published
from services.attribution.gateway.connections import (
    NOT_AN_ANSWER,
    Document,
    PublicTransport,
    client_of,
    document_of,
    in_a_word,
    seconds_to_wait,
)
from services.attribution.gateway.sources import SourceFailed

BOOTSTRAP_FILES = {"asn": "asn", "dns": "dns", "ipv4": "ipv4", "ipv6": "ipv6", "object": "object-tags"}
"""Those that IANA publishes (RFC 9224), each as a file of that name with `.json`, by what `whoisit` calls them."""
MOST_BYTES = 512 * 1024
MOST_REDIRECTS = 3
MOST_CHARACTERS = 200
OF_THE_HOLDER = ("registrant", "administrative", "technical", "abuse", "noc")
HIDDEN = ("redact", "privacy", "withheld", "not disclosed", "data protected", "proxy", "n/a")
"""Words that stand in place of a name: of a registry that may not tell, or of somebody who sells silence."""
NOT_RDAP = (ParseError, AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError)
"""What reading raises where an answer has another shape than RDAP's."""


class Registries:
    """Which registry answers for what, from IANA's files; read once, and again when a newer one was put there."""

    def __init__(self, folder: Path, *, insecure: bool = False) -> None:
        """Raises `Fatal` for files that can't be used. `insecure` is for tests, whose registries speak plain HTTP."""
        self._folder, self._insecure = folder, insecure
        self._read_at: tuple[float, ...] = ()
        self._bootstrap = Bootstrap()
        self.refresh()

    @property
    def bootstrap(self) -> Bootstrap:
        return self._bootstrap

    def refresh(self) -> None:
        paths = {kind: self._folder / f"{name}.json" for kind, name in BOOTSTRAP_FILES.items()}
        try:
            changed = tuple(path.stat().st_mtime for path in paths.values())
            if changed == self._read_at:
                return
            documents = {kind: json.loads(path.read_text(encoding="utf-8")) for kind, path in paths.items()}
            self._bootstrap = self._loaded(documents)
        except (OSError, ValueError, BootstrapError, *NOT_RDAP) as error:
            raise Fatal(f"RDAP's bootstrap files in {self._folder} can't be used: {error}") from error
        self._read_at = changed

    def _loaded(self, documents: dict[str, Any]) -> Bootstrap:  # Any: JSON of others
        bootstrap = Bootstrap()
        bootstrap.load_bootstrap_data({"timestamp": 0, **documents}, from_json=False, allow_insecure=self._insecure)
        return bootstrap

    def url_for(self, kind: str, subject: str) -> str | None:
        """Where to ask; None where no registry is known for it."""
        try:
            _, url, is_exact = QueryBuilder(self._bootstrap).build(kind, subject)
        except (UnsupportedError, BootstrapError, QueryError):
            return None
        return str(url) if is_exact else None


class RdapClient:
    """One GET after another, with redirects followed by hand: each leads to another registry, or nowhere good."""

    def __init__(self, transport: PublicTransport, registries: Registries, *, seconds: float, contact: str) -> None:
        self.registries = registries
        self._client = client_of(transport, seconds=seconds, contact=contact)

    async def get(self, kind: str, subject: str) -> Document | None:
        """The object as its registry describes it; None where there is none."""
        url = self.registries.url_for(kind, subject)
        if url is None:
            return None
        try:
            response = await self._follow(url)
        except DnsFailed as error:
            raise SourceFailed(str(error)) from error
        except NOT_AN_ANSWER as error:
            raise SourceFailed(in_a_word(error)) from error
        return _document(response)

    async def _follow(self, url: str) -> httpx.Response:
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._client.get(url, headers={"Accept": "application/rdap+json"})
            if not response.is_redirect:
                return response
            url = str(response.url.join(response.headers.get("Location", "")))
        raise SourceFailed("it refers from one registry to the next")

    async def close(self) -> None:
        await self._client.aclose()


def _document(response: httpx.Response) -> Document | None:
    match response.status_code:
        case 404:
            return None
        case 429 | 503:
            raise SourceFailed("it is asked too often", wait_seconds=seconds_to_wait(response))
        case 200:
            pass
        case status:
            raise SourceFailed(f"it answers {status}")
    document = document_of(response.content)
    if document is None:
        raise SourceFailed("its answer is no RDAP")
    return document


class RdapDomains:
    """Who registered a domain."""

    source = Source.RDAP_DOMAIN

    def __init__(self, client: RdapClient) -> None:
        self._client = client

    async def ask(self, subject: str) -> DomainRegistration | None:
        document = await self._client.get("domain", subject)
        if document is None:
            return None
        return await asyncio.to_thread(read_domain, document, subject, self._client.registries.bootstrap)

    async def close(self) -> None:
        await self._client.close()


class RdapNetworks:
    """Whose network an address lies in."""

    source = Source.RDAP_NETWORK

    def __init__(self, client: RdapClient) -> None:
        self._client = client

    async def ask(self, subject: str) -> NetworkRegistration | None:
        document = await self._client.get("ip", subject)
        if document is None:
            return None
        return await asyncio.to_thread(read_network, document, subject, self._client.registries.bootstrap)

    async def close(self) -> None:
        await self._client.close()


def read_domain(document: Document, subject: str, bootstrap: Bootstrap) -> DomainRegistration:
    """Raises `SourceFailed` for what is no description of this domain."""
    parsed = _parsed("domain", document, subject, bootstrap)
    if str(parsed.get("name", "")).lower().rstrip(".") not in ("", subject):
        raise SourceFailed("it answers about another domain")
    entities = parsed["entities"]
    holder: Document = next(iter(entities.get("registrant", ())), {})
    return DomainRegistration(
        domain=subject,
        registrant=_organisation(holder),
        registrar=_organisation(next(iter(entities.get("registrar", ())), {})),
        contacts=tuple(_contacts(entities)),
        redacted=tuple(str(name)[:MOST_CHARACTERS] for name in parsed["redacted"][:20]),
        country=_country(holder.get("address", {}).get("country", "")),
    )


def read_network(document: Document, subject: str, bootstrap: Bootstrap) -> NetworkRegistration:
    """Raises `SourceFailed` for what is no description of a network around this address."""
    parsed = _parsed("ip", document, subject, bootstrap)
    try:
        first, last = ip_address(parsed["start_address"]), ip_address(parsed["end_address"])
        lies_within = first.version == last.version == ip_address(subject).version
        lies_within = lies_within and int(first) <= int(ip_address(subject)) <= int(last)
    except ValueError as error:
        raise SourceFailed("its answer is no RDAP") from error
    if not lies_within:
        raise SourceFailed("it answers about another network")
    entities = parsed["entities"]
    return NetworkRegistration(
        network=f"{first} - {last}",
        name=str(parsed["name"])[:MOST_CHARACTERS],
        organisation=_organisation(next(iter(entities.get("registrant", ())), {})),
        country=_country(parsed["country"]),
        contacts=tuple(_contacts(entities)),
    )


def _parsed(kind: str, document: Document, subject: str, bootstrap: Bootstrap) -> dict[str, Any]:
    try:
        return dict(parse(bootstrap, "ip network" if kind == "ip" else kind, subject, dict(document)))
    except NOT_RDAP as error:
        raise SourceFailed("its answer is no RDAP") from error


def _contacts(entities: Mapping[str, Sequence[Document]]) -> Iterator[PublishedContact]:
    """The holder's own, and those of the registrar: whoever is nested in the registrar is the registrar's."""
    for role, found in entities.items():
        for entity in found:
            is_registrars = role == "registrar" or bool(entity.get("parent_handle") or entity.get("parent_name"))
            if not is_registrars and role not in OF_THE_HOLDER:
                continue
            for text in entity.get("emails", ()):
                email = canonical_email(text)
                if email is not None and is_published(email):
                    yield PublishedContact(email, role, _organisation(entity), is_registrars)


def _organisation(entity: Document) -> str:
    """Only the names of organisations are kept: a person's is nobody's business, and helps nobody to find a company."""
    named = entity.get("organisation") or (entity.get("name") if entity.get("kind") == "org" else "")
    name = " ".join(str(named or "").split())
    return "" if any(word in name.lower() for word in HIDDEN) else name[:MOST_CHARACTERS]


def _country(text: object) -> str | None:
    code = str(text).strip().upper()
    return code if len(code) == 2 and code.isalpha() else None
