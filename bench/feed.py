"""A feed of any size, in Shadowserver's layout, with the mixture that a national team sees.

All addresses are from documentation ranges. Of a hundred records 60 are news for one of `NETWORKS` network owners, 20
were seen before in the same feed, 10 are abroad, 5 are too old and 5 are at addresses of nobody that we know.
"""

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum, auto
from ipaddress import IPv6Address

HEADER = (
    '"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","region","city","naics",'
    '"hostname_source","sector","arch","key","smb_major_number","smb_minor_number","smb_revision","smb_version_string"'
)
NETWORKS = 200
NETWORK_BITS = 32 + 12
FIRST = int(IPv6Address("2001:db8::"))
STRANGERS = int(IPv6Address("2001:db8:f000::"))


class Kind(Enum):
    """What a record is to the system."""

    NEWS = auto()
    KNOWN = auto()
    ABROAD = auto()
    OLD = auto()
    STRANGER = auto()


def kind_of(number: int) -> Kind:
    """Of the record with this number, counted from 0."""
    match number % 20:
        case 19:
            return Kind.OLD
        case 18:
            return Kind.STRANGER
        case 3 | 8 | 13 | 17 if number > 20:
            return Kind.KNOWN
        case 5 | 15:
            return Kind.ABROAD
        case _:
            return Kind.NEWS


def feed(records: int, *, now: datetime, seed: int = 1, first: int = 0, banner: str = "SMB 2.1") -> Iterator[bytes]:
    """The feed in pieces of a thousand lines.

    Feeds whose numbers, from `first` on, do not overlap are news to each other. `banner` makes lines longer.
    """
    chance = random.Random(seed)
    yield (HEADER + "\n").encode()
    for start in range(first, first + records, 1000):
        numbers = range(start, min(start + 1000, first + records))
        yield "".join([_row(number, now, chance, banner) for number in numbers]).encode()


def _row(number: int, now: datetime, chance: random.Random, banner: str) -> str:
    kind = kind_of(number)
    seen_at = now - (timedelta(days=60) if kind is Kind.OLD else timedelta(minutes=chance.randrange(600)))
    if kind is Kind.STRANGER:
        address = STRANGERS + number
    elif kind is Kind.KNOWN:
        address = address_of(number - 1)
    else:
        address = address_of(number)
    country = "DE" if kind is Kind.ABROAD else "NL"
    return (
        f'"{seen_at:%Y-%m-%d %H:%M:%S}","high","{IPv6Address(address)}","tcp",445,"host{number}.example.net","smb",'
        f'64500,"{country}","NOORD-HOLLAND","AMSTERDAM",517311,"ptr","","","",2,1,0,"{banner}"\n'
    )


def address_of(number: int, *, network: int | None = None) -> int:
    """An address of its own for each number, in the network that its number falls to, or in another."""
    block = number % NETWORKS if network is None else network
    return FIRST + (block << (128 - NETWORK_BITS)) + number + 1


def ripe_dump(networks: Iterable[int] = range(NETWORKS)) -> bytes:
    """The networks' owners, in the form of the RIPE Database. There is room for 3,800 networks."""
    return "".join(map(_network, networks)).encode("latin-1")


def owner_of(network: int) -> str:
    """The mail address of a network's owner."""
    return f"abuse@bench{network}.example"


def network_of(network: int) -> str:
    """All its addresses, in CIDR notation."""
    return f"{IPv6Address(FIRST + (network << (128 - NETWORK_BITS)))}/{NETWORK_BITS}"


def _network(number: int) -> str:
    return (
        f"inet6num:       {network_of(number)}\nnetname:        BENCH-{number}\ncountry:        NL\n"
        f"org:            ORG-B{number}-RIPE\nadmin-c:        DUMY-RIPE\nstatus:         ASSIGNED\n"
        f"mnt-by:         BENCH-MNT\nsource:         RIPE\n\n"
        f"organisation:   ORG-B{number}-RIPE\norg-name:       Bench Network {number}\norg-type:       LIR\n"
        f"country:        NL\nabuse-c:        AB{number}-RIPE\nmnt-by:         BENCH-MNT\nsource:         RIPE\n\n"
        f"role:           Abuse of Bench {number}\nnic-hdl:        AB{number}-RIPE\n"
        f"abuse-mailbox:  {owner_of(number)}\nmnt-by:         BENCH-MNT\nsource:         RIPE\n\n"
    )
