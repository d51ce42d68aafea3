"""What the DNS says of names: a Protocol, the real one over name servers, and one for tests."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
import msgspec

from libs.common.errors import Fatal, Transient

LIFETIME_SECONDS = 5.0
PORT = 53

V = TypeVar("V")


class DnsFailed(Transient):
    """No server answered, or it said that it can't now."""


class MailHost(msgspec.Struct, frozen=True, order=True):
    """An MX record. An empty `host` is the null MX (RFC 7505): this domain takes no mail."""

    preference: int
    host: str


class Dns(Protocol):
    """A name that does not exist answers nothing; only a server that fails raises `DnsFailed`. Names are A-labels."""

    async def texts(self, name: str) -> Sequence[str]:
        """Its TXT records, each with its parts joined."""
        ...

    async def mail_hosts(self, name: str) -> Sequence[MailHost]:
        """Its MX records, the most preferred first."""
        ...

    async def addresses(self, name: str) -> Sequence[str]:
        """Its A and AAAA records, aliases followed."""
        ...

    async def names_of(self, address: str) -> Sequence[str]:
        """The names that an IP address has (PTR)."""
        ...


class NameServers:
    """Asks these servers, each `address` or `address:port`; without any, those of this machine."""

    def __init__(self, servers: Sequence[str] = (), *, seconds: float = LIFETIME_SECONDS) -> None:
        """Raises `Fatal` for a server that is none. A machine without any is one whose name servers are away.

        `seconds` are for one question, whatever the servers do. Nothing is remembered: a name that leads elsewhere the
        next time is looked at again.
        """
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        try:
            places = [_place(server) for server in servers]
            self._resolver.nameservers = [address for address, _ in places]
            self._resolver.nameserver_ports = dict(places)
        except (ValueError, dns.exception.DNSException) as error:
            raise Fatal(f"the name servers can't be used: {error}") from error
        if not servers:
            with suppress(dns.resolver.NoResolverConfiguration):
                self._resolver.read_resolv_conf("/etc/resolv.conf")
        self._resolver.lifetime = seconds

    async def texts(self, name: str) -> Sequence[str]:
        records = await self._ask(name, dns.rdatatype.TXT)
        return [b"".join(record.strings).decode("utf-8", errors="replace") for record in records]

    async def mail_hosts(self, name: str) -> Sequence[MailHost]:
        records = await self._ask(name, dns.rdatatype.MX)
        return sorted(MailHost(record.preference, _text_of(record.exchange)) for record in records)

    async def addresses(self, name: str) -> Sequence[str]:
        both = await asyncio.gather(self._ask(name, dns.rdatatype.A), self._ask(name, dns.rdatatype.AAAA))
        return [str(record.address) for records in both for record in records]

    async def names_of(self, address: str) -> Sequence[str]:
        records = await self._ask(str(dns.reversename.from_address(address)), dns.rdatatype.PTR)
        return [_text_of(record.target) for record in records]

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> list[Any]:  # Any: a class for each kind of record
        try:
            answer = await self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.LabelTooLong, dns.name.EmptyLabel):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise DnsFailed(f"no name server answers for {name}: {type(error).__name__}") from error
        return list(answer)


def _place(server: str) -> tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`."""
    if server.startswith("["):
        address, _, port = server[1:].partition("]")
        return address, int(port.removeprefix(":") or PORT)
    if server.count(":") == 1:
        address, _, port = server.partition(":")
        return address, int(port)
    return server, PORT


def _text_of(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower().removesuffix(".")


@dataclass(frozen=True, slots=True)
class StaticDns:
    """For tests: knows what it is given; names in `failing` are those whose servers are away."""

    known_texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    known_mail_hosts: Mapping[str, Sequence[MailHost]] = field(default_factory=dict)
    known_addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    known_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failing: frozenset[str] = frozenset()

    async def texts(self, name: str) -> Sequence[str]:
        return self._known(self.known_texts, name)

    async def mail_hosts(self, name: str) -> Sequence[MailHost]:
        return sorted(self._known(self.known_mail_hosts, name))

    async def addresses(self, name: str) -> Sequence[str]:
        return self._known(self.known_addresses, name)

    async def names_of(self, address: str) -> Sequence[str]:
        return self._known(self.known_names, address)

    def _known(self, known: Mapping[str, Sequence[V]], name: str) -> Sequence[V]:
        if name in self.failing:
            raise DnsFailed(f"no name server answers for {name}")
        return known.get(name, ())
