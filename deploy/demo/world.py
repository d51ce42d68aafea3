"""The fictional world: who reports, who is hit, whose networks these are, and what they have open to the internet.

All addresses are for documentation (RFC 5737, RFC 3849), all AS numbers too (RFC 5398), all names end in `.example`.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

MANY = 1_000_000
FEW = 4


class Standing(StrEnum):
    """Which way a finding at a place goes, once it is known to be a real and current threat."""

    REGISTERED = "its organisation has registered it with us"
    NETWORK_OWNER = "nobody registered it; the registry names the abuse desk of the network"
    UNSURE = "only the AS around it has an abuse desk: written to when a person has said yes"
    STRANGER = "the registry knows the range, but nobody there to write to"
    ABROAD = "the record names no country; the registry says that the network is abroad"
    VITAL_REGISTERED = "registered, and vital: handed over to the team that warns those"
    VITAL_LISTED = "on the list of vital operators: handed over to the team that warns those"
    OPTED_OUT = "its organisation asked not to be written to"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """Who pushes. `reliability` is the letter of the Admiralty scale."""

    slug: str
    name: str
    reliability: str
    contact_email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Addresses whose findings all end the same way.

    `recipient` is who reads of them, if anybody. `weaknesses` are the incidents that occur here, each at `machines`
    of its addresses at most; `website` is the domain of its sites, `asn` and `country` are what a report says of it.
    """

    name: str
    standing: Standing
    city: str
    asn: int
    ipv4: IPv4Network
    ipv6: IPv6Network
    weaknesses: frozenset[str]
    website: str
    recipient: str | None = None
    country: str = "NL"
    machines: int = MANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """What an operator registers. Its assets are its place's ranges, its domain, or `asn` instead of the ranges."""

    name: str
    place: Place
    contact: str
    language: str = "nl"
    sector: str
    vital: bool = False
    asn: int | None = None


BASICS = frozenset({"open-smb", "open-rdp", "infected-system"})
EVERYTHING = frozenset(
    {
        "open-smb",
        "open-rdp",
        "open-telnet",
        "open-redis",
        "open-elasticsearch",
        "exchange-vulnerable",
        "exchange-webshell",
        "infected-system",
        "ransomware-precursor",
        "compromised-website",
        "ddos-amplifiers",
        "stolen-credentials",
        "zimbra-vulnerable",
    }
)
SCANNED = frozenset({"open-smb", "open-rdp", "ddos-amplifiers"})
LEAKED = "stolen-credentials"
FOUND_BY_RANGE = EVERYTHING - {LEAKED}
"""What can be placed by its address alone; a leaked account has no address."""

PARTNERS = (
    Partner(
        slug="shadow-sample",
        name="Shadow Sample Foundation",
        reliability="A",
        contact_email="reports@shadow-sample.example",
    ),
    Partner(
        slug="zolderkamer", name="Zolderkamer Security", reliability="E", contact_email="hallo@zolderkamer.example"
    ),
)
"""Besides `demo`, which is there from the start."""

REVERSE_NAMES = {
    64500: "polderkabel.example",
    64501: "duinhosting.example",
    64503: "waterweg.example",
    64504: "beispielnetz.example",
}
"""The networks that keep reverse DNS, by AS number."""

FOREIGN_IPV4 = IPv4Network("203.0.113.64/27")
FOREIGN_IPV6 = IPv6Network("2001:db8:4b00::/40")
FOREIGN_ASN = 64504
FOREIGN_CITIES = {"DE": "BERLIN", "BE": "GENT", "FR": "LILLE", "GB": "LONDON", "PL": "GDANSK", "US": "BOSTON"}
"""Where records lie that say themselves that they are not from here."""

TEAM = "meldingen@nationaal-csirt.example"
"""Whom the operator has named as the national team: what hits vital organisations is handed over to it."""
VITAL_OPERATOR = "Drinkwaterbedrijf De Bron"
VITAL_IPV4 = IPv4Network("203.0.113.192/27")
VITAL_IPV6 = IPv6Network("2001:db8:6a00::/40")
VITAL_ASN = 64505
VITAL_DOMAIN = "drinkwater-debron.example"
"""On the national list of vital operators that the verifier is given."""
