"""Networks in which an address says little of who uses it, recognised by what is written down of them."""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from functools import lru_cache, partial

import msgspec

from libs.common.places import Domains, Ranges


class ProviderKind(StrEnum):
    """What is provided, and so who can act.

    `cdn`: nothing of a customer runs there, so only the name's owner. `cloud`, `hosting`: the name's owner, else the
    network's. `access`: addresses change hands, so only the network's owner. `mail`: an account is a person's.
    """

    CDN = "cdn"
    CLOUD = "cloud"
    HOSTING = "hosting"
    ACCESS = "access"
    MAIL = "mail"


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who provides, and how it is recognised; `source` and `listed_on` say how we know, and since when.

    `domains` are those of its machines' names, or of a mail provider's accounts. `netname_words` are whole words of a
    range's netname, `hostname_words` of a machine's name.
    """

    name: str
    kind: ProviderKind
    source: str
    listed_on: date
    asns: tuple[int, ...] = ()
    ranges: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    netname_words: tuple[str, ...] = ()
    hostname_words: tuple[str, ...] = ()


class Providers:
    """All of them. An AS with customers of every kind is told from its parts by netname and host name, asked first."""

    def __init__(self, providers: Iterable[Provider] = ()) -> None:
        self.all = tuple(providers)
        mailers = [each for each in self.all if each.kind is ProviderKind.MAIL]
        places = [each for each in self.all if each.kind is not ProviderKind.MAIL]
        self._by_range = Ranges((text, each) for each in places for text in each.ranges)
        self._by_domain = Domains((name, each) for each in places for name in each.domains)
        self._by_asn = {asn: each for each in places for asn in each.asns}
        self._netnames = [(_words(each.netname_words), each) for each in places if each.netname_words]
        self._of_netname = lru_cache(maxsize=16_384)(partial(_match, patterns=self._netnames))
        self._hostnames = [(_words(each.hostname_words), each) for each in places if each.hostname_words]
        self._mail = Domains((name, each) for each in mailers for name in each.domains)

    def around(
        self, address: str | None, *, asns: Iterable[int] = (), netname: str = "", hostname: str | None = None
    ) -> Provider | None:
        """Whose an address is: by its range, its netname, its name, at last its AS."""
        if around := self._by_range.around(address):
            return around[0]
        by_words = self._of_netname(netname) if netname else None
        if by_words is None and hostname is not None:
            above = self._by_domain.above(hostname)
            by_words = above[0] if above else _match(hostname, self._hostnames)
        return by_words or next((self._by_asn[asn] for asn in asns if asn in self._by_asn), None)

    def of_mailboxes(self, name: str) -> Provider | None:
        """Who provides the accounts below a mail domain, if anybody may have one there."""
        above = self._mail.above(name)
        return above[0] if above else None


def _words(words: Iterable[str]) -> re.Pattern[str]:
    """A word ends where its letters do: `POOL` is in `DE-POOL-3` and not in `LIVERPOOL`."""
    joined = "|".join(sorted(words))
    return re.compile(rf"(?<![a-z])(?:{joined})(?![a-z])", re.IGNORECASE)


def _match(text: str, patterns: Iterable[tuple[re.Pattern[str], Provider]]) -> Provider | None:
    return next((provider for pattern, provider in patterns if pattern.search(text)), None)


NO_PROVIDERS = Providers()
SHARED_BY_MANY = Provider(
    name="shared hosting", kind=ProviderKind.HOSTING, source="names that records have placed there", listed_on=date.min
)
"""What is on no list, and known by what was seen."""
