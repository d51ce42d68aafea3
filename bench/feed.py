"""A feed of any size, in Shadowserver's layout, with the mixture that a national team sees.

All addresses are from documentation ranges. Of a hundred records 60 are news for one of `NETWORKS` network owners, 20
were seen before in the same feed, 10 are abroad, 5 are too old and 5 are at addresses of nobody that we know.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import IPv6Address

HEADER = (
    '"timestamp","severity","ip","protocol","port","hostname","tag","asn","geo","region","city","naics",'
    '"hostname_source","sector","arch","key","smb_major_number","smb_minor_number","smb_revision","smb_version_string"'
)
NETWORKS = 200
NETWORK_BITS = 32 + 12
FIRST = int(IPv6Address("2001:db8::"))
STRANGERS = int(IPv6Address("2001:db8:f000::"))


def feed(records: int, *, now: datetime, seed: int = 1) -> Iterator[bytes]:
    """The feed in pieces of a thousand lines."""
    chance = random.Random(seed)
    yield (HEADER + "\n").encode()
    for first in range(0, records, 1000):
        rows = (_row(number, now, chance) for number in range(first, min(first + 1000, records)))
        yield "".join(rows).encode()


def _row(number: int, now: datetime, chance: random.Random) -> str:
    kind = number % 20
    seen_at = now - (timedelta(days=60) if kind == 19 else timedelta(minutes=chance.randrange(600)))
    if kind == 18:
        address = STRANGERS + number
    elif kind in {3, 8, 13, 17} and number > 20:
        address = _address(number - 1)
    else:
        address = _address(number)
    country = "DE" if kind in {5, 15} else "NL"
    return (
        f'"{seen_at:%Y-%m-%d %H:%M:%S}","high","{IPv6Address(address)}","tcp",445,"host{number}.example.net","smb",'
        f'64500,"{country}","NOORD-HOLLAND","AMSTERDAM",517311,"ptr","","","",2,1,0,"SMB 2.1"\n'
    )


def _address(number: int) -> int:
    network = number % NETWORKS
    return FIRST + (network << (128 - NETWORK_BITS)) + number + 1


def ripe_dump() -> bytes:
    """The networks' owners, in the form of the RIPE Database."""
    return "".join(map(_network, range(NETWORKS))).encode("latin-1")


def _network(number: int) -> str:
    start = IPv6Address(FIRST + (number << (128 - NETWORK_BITS)))
    return (
        f"inet6num:       {start}/{NETWORK_BITS}\nnetname:        BENCH-{number}\ncountry:        NL\n"
        f"org:            ORG-B{number}-RIPE\nadmin-c:        DUMY-RIPE\nstatus:         ASSIGNED\n"
        f"mnt-by:         BENCH-MNT\nsource:         RIPE\n\n"
        f"organisation:   ORG-B{number}-RIPE\norg-name:       Bench Network {number}\norg-type:       LIR\n"
        f"country:        NL\nabuse-c:        AB{number}-RIPE\nmnt-by:         BENCH-MNT\nsource:         RIPE\n\n"
        f"role:           Abuse of Bench {number}\nnic-hdl:        AB{number}-RIPE\n"
        f"abuse-mailbox:  abuse@bench{number}.example\nmnt-by:         BENCH-MNT\nsource:         RIPE\n\n"
    )
