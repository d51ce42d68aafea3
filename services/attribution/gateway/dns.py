"""What names say of themselves in the DNS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from libs.common.errors import Transient


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
