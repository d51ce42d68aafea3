"""The RIPE database's split dumps at any size: made up, always the same, and written as the registry writes them.

Latin-1, folded lines, comments at the end of lines, keys in any case, placeholders where a dump hides a person, and a
broken object now and then. A block of 16 ranges is one member of the registry: its allocation, three parts of it, and
four customers in each.
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from pathlib import Path

BLOCK = 16
FIRST_IPV4 = int(IPv4Address("11.0.0.0"))
LAST_IPV4 = int(IPv4Address("99.255.255.255"))
FIRST_IPV6 = int(IPv6Address("2a00::"))
ADDRESSES_A_BLOCK = 4096
OBJECTS_AT_ONCE = 2000
FASTEST = 1

PERSONS = "admin-c:        DUMY-RIPE\ntech-c:         DUMY-RIPE\n"
ENDING = (
    "created:        2004-03-01T09:14:52Z\nlast-modified:  2019-07-22T12:35:10Z\nsource:         RIPE # Filtered\n"
    "remarks:        ****************************\nremarks:        * THIS OBJECT IS MODIFIED\n"
    "remarks:        * Please note that all data that is generally regarded as personal\n"
    "remarks:        * data has been removed from this object.\n"
    "remarks:        * To view the original object, please query the RIPE Database at:\n"
    "remarks:        * https://registry.example/whois\nremarks:        ****************************\n\n"
)
WORDS = ("Bäckerei", "Réseau", "Niño", "Havn", "Straße", "Molen", "Fiets", "Kontor")
COUNTRIES = ("NL", "NL", "NL", "DE", "BE", "fr", "SE", "EU # since 2004")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of each kind. `of` cuts them as the registry's own are: four ranges to one of all else."""

    ranges: int
    others: int

    @classmethod
    def of(cls, objects: int) -> "Sizes":
        return cls(ranges=objects * 4 // 5, others=objects // 5)

    @property
    def ipv4_blocks(self) -> int:
        return self.ranges * 4 // 5 // BLOCK

    @property
    def ipv6_blocks(self) -> int:
        return self.ranges // 5 // BLOCK

    @property
    def members(self) -> int:
        return max(1, self.others // 4)

    @property
    def desks(self) -> int:
        return max(1, self.others // 10)


def write_dumps(folder: Path, sizes: Sizes) -> list[Path]:
    """One gzip file for each kind, by the names that the registry gives them."""
    kinds = {
        "inetnum": inetnums(sizes),
        "inet6num": inet6nums(sizes),
        "route": routes(sizes),
        "aut-num": systems(sizes),
        "organisation": organisations(sizes),
        "role": roles(sizes),
        "person": persons(sizes),
    }
    return [_write(folder / f"ripe.db.{kind}.gz", objects) for kind, objects in kinds.items()]


def _write(path: Path, objects: Iterable[str]) -> Path:
    rest = iter(objects)
    with gzip.open(path, "wb", compresslevel=FASTEST) as packed:
        packed.write(b"#\n# The contents of this file are made up.\n#\n\n")
        while part := "".join(islice(rest, OBJECTS_AT_ONCE)):
            packed.write(part.encode("latin-1"))
    return path


def inetnums(sizes: Sizes) -> Iterator[str]:
    for block in range(sizes.ipv4_blocks):
        first = FIRST_IPV4 + block * ADDRESSES_A_BLOCK
        member = block % sizes.members
        yield _range(f"inetnum:        {_v4(first)} - {_v4(first + 4095)}", block, 0, "ALLOCATED PA", member)
        for part in range(3):
            begin = first + part * 1024
            key = f"inetnum:        {_v4(begin)} - {_v4(begin + 1023)}"
            yield _range(key, block, 1 + part * 5, "SUB-ALLOCATED PA", None)
            for customer in range(4):
                # One in four is no block of addresses, as some are that were cut before anybody thought of routers.
                start = begin + customer * 256
                key = f"inetnum:        {_v4(start)} - {_v4(start + (200 if customer == 3 else 127))}"
                yield _range(key, block, 2 + part * 5 + customer, "ASSIGNED PA", None, sizes=sizes)


def inet6nums(sizes: Sizes) -> Iterator[str]:
    for block in range(sizes.ipv6_blocks):
        first = FIRST_IPV6 + (block << 96)
        yield _range(f"inet6num:       {IPv6Address(first)}/32", block, 0, "ALLOCATED-BY-RIR", block % sizes.members)
        prefix = f"{first >> 112:x}:{first >> 96 & 0xFFFF:x}"
        for customer in range(1, BLOCK):
            yield _range(f"inet6num:       {prefix}:{customer:x}::/48", block, customer, "ASSIGNED", None, sizes=sizes)


def _range(key: str, block: int, number: int, status: str, member: int | None, *, sizes: Sizes | None = None) -> str:
    chance = _mixed(block * BLOCK + number)
    word = WORDS[chance % 8]
    descr = f"descr:          {word} {chance % 100_000} B.V.\n"
    if chance % 16 == 0:
        descr += f"                {word}straat {chance % 97}\n+               Utrecht # the town\n"
    owner = f"org:            ORG-M{member}-RIPE\n" if member is not None else ""
    desk = f"abuse-c:        AR{chance % sizes.desks}-RIPE\n" if sizes is not None and chance % 20 == 1 else ""
    country = "Country" if chance % 200 == 3 else "country"
    text = (
        f"{key}\nnetname:        NET-{word[0]}{block}-{number}\n{descr}{country}:        {COUNTRIES[chance % 7]}\n"
        f"{owner}{desk}{PERSONS}status:         {status}\n"
        f"mnt-by:         {'RIPE-NCC-HM-MNT' if number == 0 else f'MEMBER{block}-MNT'}\n"
    )
    if chance % 5000 == 7:
        text = text.replace(" - ", " to ").replace("/48", "/148")
    return text + ENDING


def routes(sizes: Sizes) -> Iterator[str]:
    for number in range(min(sizes.others * 2 // 5, sizes.ipv4_blocks * 16)):
        first = FIRST_IPV4 + number * 256
        yield (
            f"route:          {_v4(first)}/24\ndescr:          {WORDS[number % 8]}\n"
            f"origin:         {'AS' if number % 3 else 'as'}{1000 + _mixed(number) % 60_000}\n"
            f"mnt-by:         M{number}-MNT\n{ENDING}"
        )


def systems(sizes: Sizes) -> Iterator[str]:
    for number in range(sizes.others // 10):
        yield (
            f"aut-num:        AS{1000 + number}\nas-name:        SYSTEM-{number}\norg:            "
            f"org-m{number % sizes.members}-ripe\nimport:         from AS1 accept ANY\n"
            f"export:         to AS1 announce ANY\n{PERSONS}status:         ASSIGNED\n"
            f"mnt-by:         RIPE-NCC-END-MNT\n{ENDING}"
        )


def organisations(sizes: Sizes) -> Iterator[str]:
    for number in range(sizes.members):
        yield (
            f"organisation:   ORG-M{number}-RIPE\norg-name:       {WORDS[number % 8]} Internet {number} B.V.\n"
            f"country:        {COUNTRIES[number % 7]}\norg-type:       LIR\n"
            f"address:        Dummy address for ORG-M{number}-RIPE\ne-mail:         unread@ripe.net\n"
            f"abuse-c:        AR{number % sizes.desks}-RIPE\nmnt-ref:        M{number}-MNT\n{ENDING}"
        )


def roles(sizes: Sizes) -> Iterator[str]:
    for number in range(sizes.desks):
        yield (
            f"role:           Abuse desk {number}\naddress:        Dummy address for AR{number}-RIPE\n"
            f"e-mail:         unread@ripe.net\nnic-hdl:        {'AR' if number % 3 else 'ar'}{number}-RIPE\n"
            f"abuse-mailbox:  abuse@member{number}.example\nmnt-by:         M{number}-MNT\n{ENDING}"
        )


def persons(sizes: Sizes) -> Iterator[str]:
    for _ in range(sizes.others * 3 // 20):
        yield f"person:         Placeholder\naddress:        Dummy\nnic-hdl:        DUMY-RIPE\n{ENDING}"


def _v4(number: int) -> str:
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _mixed(number: int) -> int:
    """Looks like chance, is the same every time, and costs nothing."""
    return (number * 2_654_435_761 >> 7) & 0xFFFFFF
