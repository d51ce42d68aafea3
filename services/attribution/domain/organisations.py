"""Organisations that we can warn, and what they have registered as theirs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from publicsuffixlist import PublicSuffixList

from libs.common.addresses import canonical_domain
from libs.common.flattening import NOBODY
from libs.common.intervals import ADDRESSES, Interval, Space, parse_interval, read_asn
from libs.common.places import end_of
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.ranges import Segments


class Criticality(StrEnum):
    """What a country loses with it (NIS 2 knows essential and important). `vital` is the older word for essential."""

    ESSENTIAL = "essential"
    IMPORTANT = "important"
    VITAL = "vital"
    NONE = "none"
    UNKNOWN = "unknown"


class CriticalitySource(StrEnum):
    """Who says so. What is `derived`, from sector and size, is a hint for a person and sends nothing anywhere."""

    REGISTERED = "registered"
    AUTHORITY_LIST = "authority-list"
    DERIVED = "derived"


class ContactRole(StrEnum):
    """What a contact is there for. `security` is who asked to be warned, and is written to first."""

    SECURITY = "security"
    ABUSE = "abuse"
    TECHNICAL = "technical"
    ADMINISTRATIVE = "administrative"
    GENERAL = "general"


class Contact(msgspec.Struct, frozen=True):
    """An address that the organisation gave. `language` overrides the organisation's own.

    In force from `valid_from` until just before `valid_until`; None: always.
    """

    email: str
    role: ContactRole
    language: Language | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class Organisation(msgspec.Struct, frozen=True):
    """A company or body, with its contacts in the order in which they are to be tried: also those not in force.

    `company_numbers` are its numbers in companies' registers, `12345678` for a KVK number.
    """

    organisation_id: UUID
    name: str
    country: str
    language: Language
    criticality: Criticality
    contacts: tuple[Contact, ...] = ()
    criticality_source: CriticalitySource = CriticalitySource.REGISTERED
    sector: str | None = None
    other_names: tuple[str, ...] = ()
    company_numbers: tuple[str, ...] = ()


class OrganisationProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation says of itself. `kvk_number` has eight digits and keeps its leading zeros."""

    name: str
    country: str
    language: Language
    criticality: Criticality = Criticality.NONE
    other_names: tuple[str, ...] = ()
    kvk_number: str | None = None
    sector: str | None = None


class OrganisationRecord(msgspec.Struct, frozen=True):
    """An organisation as it is kept."""

    organisation_id: UUID
    profile: OrganisationProfile
    created_at: datetime
    updated_at: datetime


class AssetRecord(msgspec.Struct, frozen=True):
    """A registered asset as it is kept."""

    asset_id: UUID
    kind: AssetKind
    value: str
    created_at: datetime


class ContactRecord(msgspec.Struct, frozen=True):
    """A contact as it is kept."""

    contact_id: UUID
    contact: Contact
    created_at: datetime


class AssetClaim(msgspec.Struct, frozen=True):
    """An asset in its canonical spelling, so that one asset can be claimed only once. `interval` for ranges only."""

    kind: AssetKind
    value: str
    interval: Interval | None = None


class RegisteredAsset(msgspec.Struct, frozen=True):
    """Whose an asset is."""

    claim: AssetClaim
    organisation_id: UUID


class BadClaim(ValueError):
    """What can't be registered as an asset; the message is for the person who tried."""


WIDEST_RANGE = {Space.IPV4: 1 << 24, Space.IPV6: 1 << 112}
"""A /8 or a /16: nobody but a registry has more, so more is a typing mistake that would redirect everybody's mail."""
ORDER_OF_ROLES = tuple(ContactRole)
_PUBLIC_SUFFIXES = PublicSuffixList()


def read_claim(kind: AssetKind, text: str) -> AssetClaim:
    """The claim that a person wrote down; raises `BadClaim` for what is none, or would be everybody's."""
    match kind:
        case AssetKind.IP_RANGE:
            return _range_claim(text)
        case AssetKind.DOMAIN:
            return _domain_claim(text)
        case AssetKind.ASN:
            return _asn_claim(text)


def kept_claim(kind: AssetKind, value: str) -> AssetClaim:
    """A claim as it was accepted once; what is a public suffix today may not have been one then."""
    return AssetClaim(kind, value, parse_interval(value) if kind is AssetKind.IP_RANGE else None)


def _range_claim(text: str) -> AssetClaim:
    interval = parse_interval(text)
    if interval is None:
        raise BadClaim(f"'{text}' is not an address, a CIDR block or a range 'first - last'")
    if interval.size > WIDEST_RANGE[interval.space]:
        raise BadClaim(f"'{text}' is wider than anything one organisation has")
    return AssetClaim(AssetKind.IP_RANGE, str(interval), interval)


def _domain_claim(text: str) -> AssetClaim:
    domain = canonical_domain(text)
    if domain is None:
        raise BadClaim(f"'{text}' is not a domain name")
    if _PUBLIC_SUFFIXES.privatesuffix(domain) is None:
        raise BadClaim(f"'{domain}' is a public suffix: others register their names under it")
    return AssetClaim(AssetKind.DOMAIN, domain)


def _asn_claim(text: str) -> AssetClaim:
    asn = read_asn(text)
    if asn is None:
        raise BadClaim(f"'{text}' is not an AS number")
    return AssetClaim(AssetKind.ASN, f"AS{asn}")


def by_role(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """In the order in which they are tried; within a role the order given."""
    return tuple(sorted(contacts, key=lambda contact: ORDER_OF_ROLES.index(contact.role)))


def usable(contacts: Iterable[Contact], at: datetime) -> Iterator[Contact]:
    """Those that can be written to at that time, in their order."""
    for contact in contacts:
        begun = contact.valid_from is None or contact.valid_from <= at
        if begun and (contact.valid_until is None or at < contact.valid_until):
            yield contact


class Registered:
    """All registered assets, ready to be asked. Never changes; a change of the tables makes a new one."""

    def __init__(
        self, *, version: int, organisations: Mapping[UUID, Organisation], assets: Sequence[RegisteredAsset]
    ) -> None:
        self.version = version
        self.organisations = organisations
        self._by_value = {asset.claim.value: asset for asset in assets if asset.claim.interval is None}
        self._by_asn = {
            int(name[2:]): each for name, each in self._by_value.items() if each.claim.kind is AssetKind.ASN
        }
        self._ends = frozenset(map(end_of, self._by_value))
        self._ranges = {space: _sorted_ranges(space, assets) for space in ADDRESSES}
        self._segments = {space: Segments.of(space, _ends(found)) for space, found in self._ranges.items()}

    def domain(self, name: str) -> RegisteredAsset | None:
        """The claim on the name itself, or on the closest of its parents."""
        if end_of(name) not in self._ends:
            return None  # as for most names
        for candidate in _with_parents(name):
            asset = self._by_value.get(candidate)
            if asset is not None:
                return asset
        return None

    def first_asn(self, asns: Iterable[int]) -> RegisteredAsset | None:
        """The claim on the first of these that anybody has claimed."""
        for asn in asns:
            asset = self._by_asn.get(asn)
            if asset is not None:
                return asset
        return None

    def around(self, space: Space, numbers: Sequence[int]) -> dict[int, RegisteredAsset]:
        """The smallest claimed range around each address of `space` that lies in one."""
        ranges, owners = self._ranges[space], self._segments[space].owners(numbers)
        return {number: ranges[owner] for number, owner in zip(numbers, owners, strict=True) if owner != NOBODY}


def _sorted_ranges(space: Space, assets: Iterable[RegisteredAsset]) -> list[RegisteredAsset]:
    claimed = [(asset.claim.interval, asset) for asset in assets if asset.claim.interval is not None]
    ours = [(interval.first, interval.last, asset) for interval, asset in claimed if interval.space is space]
    return [asset for _, _, asset in sorted(ours, key=lambda entry: entry[:2])]


def _ends(assets: Iterable[RegisteredAsset]) -> Iterator[tuple[int, int]]:
    for asset in assets:
        if asset.claim.interval is not None:
            yield asset.claim.interval.first, asset.claim.interval.last


def _with_parents(name: str) -> Iterator[str]:
    """`a.b.example`, `b.example`, `example`."""
    while name:
        yield name
        name = name.partition(".")[2]
