"""Asks the DNS whether the world will believe our mails, and looks at the certificate that signs them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from libs.common import clock
from libs.common.dns import Dns, DnsFailed
from services.notifier.domain.sealing.check import certificate_findings
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.domain.sender_check import Finding, Seen, Setup, findings_of
from services.notifier.domain.spf import LOOK_UPS_AT_MOST, Pass, Term, is_in, is_spf, redirect_of, terms_of, within

REMEMBERED_SECONDS = 60.0

T = TypeVar("T")


class SenderChecker:
    """Says how the setup is. Asks at most once a minute, however often it is asked itself."""

    def __init__(
        self,
        setup: Setup,
        dns: Dns,
        *,
        certificate: SigningCertificate | None = None,
        from_address: str = "",
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self.setup = setup
        self._dns = dns
        self._certificate = certificate
        self._from_address = from_address
        self._now = now
        self._asking = asyncio.Lock()
        self._found: Sequence[Finding] = ()
        self._asked_at = float("-inf")

    async def findings(self) -> Sequence[Finding]:
        async with self._asking:
            if time.monotonic() - self._asked_at > REMEMBERED_SECONDS:
                asked = findings_of(self.setup, await look(self.setup, self._dns))
                own = certificate_findings(self._certificate, from_address=self._from_address, at=self._now())
                self._found = [*asked, *own]
                self._asked_at = time.monotonic()
        return self._found


async def look(setup: Setup, dns: Dns) -> Seen:
    """Everything that the DNS is to say, all at once."""
    names = [setup.return_domain, *setup.dmarc_names, *setup.dkim_names.values()]
    addresses = setup.sending_addresses
    texts, hosts, passes, reverse = await asyncio.gather(
        asyncio.gather(*(_unless_failed(dns.texts(name)) for name in names)),
        _unless_failed(dns.mail_hosts(setup.return_domain)),
        asyncio.gather(*(may_send(address, setup.return_domain, dns) for address in addresses)),
        asyncio.gather(*(_unless_failed(_confirmed_names(address, dns)) for address in addresses)),
    )
    return Seen(
        texts=dict(zip(names, texts, strict=True)),
        mail_hosts=None if hosts is None else [each.host for each in hosts],
        spf=dict(zip(addresses, passes, strict=True)),
        names=dict(zip(addresses, reverse, strict=True)),
    )


async def _unless_failed(answer: Awaitable[T]) -> T | None:
    try:
        return await answer
    except DnsFailed:
        return None


async def _confirmed_names(address: str, dns: Dns) -> Sequence[str]:
    """Names of an address that lead back to it: others say nothing."""
    return [name for name in await dns.names_of(address) if address in await dns.addresses(name)]


async def may_send(address: str, domain: str, dns: Dns) -> Pass:
    """Whether SPF lets an address send for a domain."""
    try:
        return await _Evaluation(address, dns).of(domain)
    except DnsFailed:
        return Pass.UNKNOWN


class _Evaluation:
    """One question, with the few look-ups that it may take."""

    def __init__(self, address: str, dns: Dns) -> None:
        self._address = address
        self._dns = dns
        self._left = LOOK_UPS_AT_MOST

    async def of(self, domain: str) -> Pass:
        records = [text for text in await self._dns.texts(domain) if is_spf(text)]
        if len(records) != 1:
            return Pass.NO
        for term in terms_of(records[0]):
            if term is None or term.name in ("ptr", "exists") or "%" in term.of or self._left < 0:
                return Pass.UNKNOWN
            match await self._matches(term, domain):
                case Pass.UNKNOWN:
                    return Pass.UNKNOWN
                case Pass.YES:
                    return Pass.YES if term.qualifier == "+" else Pass.NO
        if redirected := redirect_of(records[0]):
            self._left -= 1
            return await self.of(redirected) if self._left >= 0 else Pass.UNKNOWN
        return Pass.NO

    async def _matches(self, term: Term, domain: str) -> Pass:
        match term.name:
            case "all":
                return Pass.YES
            case "ip4" | "ip6":
                return _answer(is_in(self._address, term.of + term.prefix))
        self._left -= 1
        of = term.of or domain
        if term.name == "include":
            return await self.of(of) if self._left >= 0 else Pass.UNKNOWN
        hosts = [each.host for each in await self._dns.mail_hosts(of) if each.host] if term.name == "mx" else [of]
        found = [address for host in hosts[:LOOK_UPS_AT_MOST] for address in await self._dns.addresses(host)]
        return _answer(any(within(self._address, each, term.prefix) for each in found))


def _answer(is_so: bool) -> Pass:
    return Pass.YES if is_so else Pass.NO
