"""What names say of themselves in the DNS."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from libs.common.errors import Transient

PORT = 53
MOST_TEXTS = 100


class DnsFailed(Transient):
    """No server answered, or it said that it can't now; the message is for whoever reads the evidence."""


class Dns(Protocol):
    """A name that does not exist answers nothing; only a server that fails raises `DnsFailed`. Names are A-labels."""

    async def addresses(self, name: str) -> tuple[str, ...]:
        """All its A and AAAA records, aliases followed."""
        ...

    async def texts(self, name: str) -> tuple[str, ...]:
        """Its TXT records, each with its parts joined."""
        ...

    async def takes_mail(self, name: str) -> bool:
        """Has it an MX that is not the null MX (RFC 7505)?"""
        ...


class ResolverDns:
    """Asks the name servers given, or those of the machine where none are."""

    def __init__(self, nameservers: Sequence[str] = (), *, port: int = PORT, seconds: float = 5.0) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=not nameservers)
        if nameservers:
            self._resolver.nameservers = list(nameservers)
        self._resolver.port = port
        self._resolver.lifetime = seconds
        self._resolver.timeout = seconds / 2
        self._resolver.cache = None  # a name that leads elsewhere the next time is looked at again

    async def addresses(self, name: str) -> tuple[str, ...]:
        both = await asyncio.gather(self._ask(name, dns.rdatatype.A), self._ask(name, dns.rdatatype.AAAA))
        return tuple(record.to_text() for records in both for record in records)

    async def texts(self, name: str) -> tuple[str, ...]:
        records = cast("list[TXT]", await self._ask(name, dns.rdatatype.TXT))
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in records[:MOST_TEXTS])

    async def takes_mail(self, name: str) -> bool:
        records = cast("list[MX]", await self._ask(name, dns.rdatatype.MX))
        return any(record.exchange.to_text() != "." for record in records)

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> list[Rdata]:
        try:
            return list(await self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise DnsFailed(f"no name server answers for {name}: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class StaticDns:
    """For tests: knows what it is given; names in `failing` are those whose servers are away."""

    known_addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known_texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mail_domains: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()

    async def addresses(self, name: str) -> tuple[str, ...]:
        self._fail(name)
        return self.known_addresses.get(name, ())

    async def texts(self, name: str) -> tuple[str, ...]:
        self._fail(name)
        return self.known_texts.get(name, ())

    async def takes_mail(self, name: str) -> bool:
        self._fail(name)
        return name in self.mail_domains

    def _fail(self, name: str) -> None:
        if name in self.failing:
            raise DnsFailed(f"no name server answers for {name}")
