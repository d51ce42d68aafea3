"""Makes records: each kind by a method of its own, which knows what must become of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count, cycle, islice, zip_longest
from random import Random

from deploy.demo import fates
from deploy.demo.addresses import any_address, each_address, private_address
from deploy.demo.damages import damaged_lines
from deploy.demo.fates import Fate, fate_at
from deploy.demo.layout import Finding, Layout
from deploy.demo.organisations import ORGANISATIONS
from deploy.demo.places import HOSTING, PLACES
from deploy.demo.sightings import Sighting, line_of
from deploy.demo.world import (
    FOREIGN_ASN,
    FOREIGN_CITIES,
    FOREIGN_IPV4,
    FOREIGN_IPV6,
    LEAKED,
    REVERSE_NAMES,
    Place,
)

FRESH = timedelta(hours=40)
STALE_DAYS = (45, 300)
"""Longer than what any of the demo's findings counts as news: 30 days for break-ins, 14 for open ports."""
FUTURE_HOURS = (3, 20)
"""Within the day that intake allows to clocks that are wrong, beyond the hour that the verifier does."""
SHORT_ROW_EVERY = 40
"""Some real rows lack their last field; that is no reason to refuse them."""

WEBSITE = "compromised-website"
FOREIGN_SITE = "www.ausland.example"
"""Of nobody who has registered with us: those are warned wherever their site stands."""
GIVEN_NAMES = ("anna", "bram", "chantal", "daan", "esra", "fleur", "gijs", "hatice", "ivo", "joke", "kees", "lieke")
SITES = ("www", "shop", "nieuws", "agenda", "blog", "reserveren", "foto", "oud", "test", "klanten")

_REGISTERED_PLACES = frozenset(organisation.place.name for organisation in ORGANISATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A line of a feed and what must become of it; an unreadable one has no sighting."""

    line: str
    fate: Fate
    sighting: Sighting | None = None


class RecordMaker:
    """Makes records from one source of chance, and remembers which addresses it has used in which report type."""

    def __init__(self, *, random: Random, now: datetime) -> None:
        self.random = random
        self.now = now
        self._unused: dict[tuple[str, str], Iterator[str]] = {}
        self._going_on: dict[tuple[str, str], Iterator[Record]] = {}

    def threats(self, layout: Layout, number: int) -> list[Record]:
        """True and current findings, the places in turn; fewer than `number` where the addresses run out."""
        made = islice(self._threats(layout), number)
        return [_without_last_field(each) if place % SHORT_ROW_EVERY == 0 else each for place, each in enumerate(made)]

    def held(self, layout: Layout, number: int, *, fate: Fate) -> list[Record]:
        """Findings that would be threats, if it weren't for a person having to look first."""
        return [_record(layout, self._anywhere(layout), fate) for _ in range(number)]

    def repeated(self, layout: Layout, originals: Sequence[Record], number: int) -> list[Record]:
        """Half of them the very same line, half the same finding seen at another time."""
        chosen = [self.random.choice(originals) for _ in range(number)]
        return [self._again(layout, original, same=place % 2 == 0) for place, original in enumerate(chosen)]

    def expired(self, layout: Layout, number: int) -> list[Record]:
        sightings = [replace(self._anywhere(layout), at=self._stale()) for _ in range(number)]
        return [_record(layout, sighting, fates.EXPIRED) for sighting in sightings]

    def private(self, layout: Layout, number: int) -> list[Record]:
        sightings = [
            replace(self._anywhere(layout), address=private_address(layout.ip_version, self.random), hostname="")
            for _ in range(number)
        ]
        return [_record(layout, sighting, fates.PRIVATE) for sighting in sightings]

    def future(self, layout: Layout, number: int) -> list[Record]:
        sightings = [replace(self._anywhere(layout), at=self._not_yet()) for _ in range(number)]
        return [_record(layout, sighting, fates.FUTURE) for sighting in sightings]

    def abroad(self, layout: Layout, number: int) -> list[Record]:
        return [_record(layout, self._from_abroad(layout), fates.FOREIGN) for _ in range(number)]

    def unreadable(self, layout: Layout, number: int) -> list[Record]:
        lines = damaged_lines([self._from_abroad(layout) for _ in range(number)], layout)
        return [Record(line=line, fate=fates.UNREADABLE) for line in lines]

    def _threats(self, layout: Layout) -> Iterator[Record]:
        """One at each place in turn, until no place has more."""
        for one_of_each in zip_longest(*(self._going_on_at(place, layout) for place in PLACES)):
            yield from (record for record in one_of_each if record is not None)

    def _going_on_at(self, place: Place, layout: Layout) -> Iterator[Record]:
        """A second report of the same type goes on where the first has stopped."""
        return self._going_on.setdefault((layout.report_type, place.name), self._threats_at(place, layout))

    def _threats_at(self, place: Place, layout: Layout) -> Iterator[Record]:
        """The incidents of a place take turns."""
        findings = [finding for finding in layout.findings if finding.incident in place.weaknesses]
        for finding in islice(cycle(findings), place.machines):
            sighting = self._unused_sighting(place, finding, layout)
            if sighting is None:
                return
            yield _record(layout, sighting, fate_at(place, incident=finding.incident or "", asset=sighting.address))

    def _unused_sighting(self, place: Place, finding: Finding, layout: Layout) -> Sighting | None:
        site = next(self._names(SITES, f"{{}}.{place.website}")) if finding.incident == WEBSITE else ""
        # A registered domain is found by its name, wherever its site is hosted.
        where = HOSTING if site and place.name in _REGISTERED_PLACES else place
        accounts = self._names(GIVEN_NAMES, f"{{}}@{place.website}")
        address = next(accounts if finding.incident == LEAKED else self._addresses(where, layout), None)
        return self._sighting(finding, address=address, place=where, site=site) if address else None

    def _addresses(self, place: Place, layout: Layout) -> Iterator[str]:
        network = place.ipv4 if layout.ip_version == 4 else place.ipv6
        return self._unused.setdefault((layout.report_type, place.name), each_address(network))

    def _names(self, names: Sequence[str], pattern: str) -> Iterator[str]:
        """Names in a pattern, each once: when there are no more, numbers come behind them."""
        numbered = (f"{names[n % len(names)]}{n // len(names) or ''}" for n in count())
        return self._unused.setdefault(("", pattern), map(pattern.format, numbered))

    def _sighting(self, finding: Finding, *, address: str, place: Place, site: str = "") -> Sighting:
        return Sighting(
            finding=finding,
            address=address,
            at=self._recent(),
            asn=place.asn,
            country=place.country,
            city=place.city,
            hostname=_reverse_name(address, place.asn),
            site=site,
        )

    def _anywhere(self, layout: Layout) -> Sighting:
        """A sighting at any place, for records whose fate doesn't hang on the place."""
        place, finding = self.random.choice(PLACES), self._located(layout)
        address = any_address(place.ipv4 if layout.ip_version == 4 else place.ipv6, self.random)
        site = f"{self.random.choice(SITES)}.{place.website}" if finding.incident == WEBSITE else ""
        return self._sighting(finding, address=address, place=place, site=site)

    def _from_abroad(self, layout: Layout) -> Sighting:
        country = self.random.choice(sorted(FOREIGN_CITIES))
        address = any_address(FOREIGN_IPV4 if layout.ip_version == 4 else FOREIGN_IPV6, self.random)
        abroad = self._anywhere(layout)
        return replace(
            abroad,
            address=address,
            asn=FOREIGN_ASN,
            country=country,
            city=FOREIGN_CITIES[country],
            site=FOREIGN_SITE if abroad.site else "",
            hostname=_reverse_name(address, FOREIGN_ASN),
        )

    def _again(self, layout: Layout, original: Record, *, same: bool) -> Record:
        fate = fates.REPEATED if original.fate.is_threat else original.fate
        if same or original.sighting is None:
            return replace(original, fate=fate)
        return _record(layout, replace(original.sighting, at=self._recent()), fate)

    def _located(self, layout: Layout) -> Finding:
        return self.random.choice([finding for finding in layout.findings if finding.incident != LEAKED])

    def _recent(self) -> datetime:
        return self.now - timedelta(seconds=self.random.randrange(60, int(FRESH.total_seconds())))

    def _stale(self) -> datetime:
        return self._recent() - timedelta(days=self.random.randrange(*STALE_DAYS))

    def _not_yet(self) -> datetime:
        return self.now + timedelta(hours=self.random.randrange(*FUTURE_HOURS))


def _record(layout: Layout, sighting: Sighting, fate: Fate) -> Record:
    return Record(line=line_of(sighting, layout), fate=fate, sighting=sighting)


def _without_last_field(record: Record) -> Record:
    """Only where that is empty: what it says stays the same."""
    return replace(record, line=record.line.removesuffix(',""'))


def _reverse_name(address: str, asn: int) -> str:
    """What the network's reverse DNS says, where it says something."""
    network = REVERSE_NAMES.get(asn)
    return f"{address.replace('.', '-')}.static.{network}" if network and "." in address and "@" not in address else ""
