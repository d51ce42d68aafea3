"""Organisations that we can warn, and what they have registered as theirs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

import msgspec
from publicsuffixlist import PublicSuffixList

from libs.common.addresses import canonical_domain
from libs.common.flattening import NOBODY
from libs.common.intervals import ADDRESSES, Interval, Space, parse_interval, read_asn
from libs.common.places import end_of
from libs.common.vocabulary import AssetKind, Language
from services.attribution.domain.proofs import Proof
from services.attribution.domain.ranges import Segments
from services.attribution.domain.withheld import NO_CLAIMS, WithheldClaims


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


ESSENTIAL = frozenset({Criticality.ESSENTIAL, Criticality.VITAL})


class ContactRole(StrEnum):
    """What a contact is there for. `security` is who asked to be warned, and is written to first."""

    SECURITY = "security"
    ABUSE = "abuse"
    TECHNICAL = "technical"
    ADMINISTRATIVE = "administrative"
    GENERAL = "general"


class Channel(StrEnum):
    """How a contact is reached. We write mails; who is reached in another way is kept for those who can.

    Who is reached by encrypted mail gets no other, whatever happens to its key.
    """

    MAIL = "mail"
    ENCRYPTED_MAIL = "encrypted-mail"
    PORTAL = "portal"


class Contact(msgspec.Struct, frozen=True, gc=False):
    """An address that the organisation gave. `language` overrides the organisation's own.

    In force from `valid_from` until just before `valid_until`; None: always. Its keys are read where mails are made.
    """

    email: str
    role: ContactRole
    language: Language | None = None
    channel: Channel = Channel.MAIL
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    pgp_key: str = ""
    smime_certificate: str = ""

    def is_usable(self, at: datetime) -> bool:
        """Can a mail be written to it?"""
        if self.channel is Channel.PORTAL or (self.valid_from is not None and at < self.valid_from):
            return False
        return self.valid_until is None or at < self.valid_until


class Organisation(msgspec.Struct, frozen=True, gc=False):
    """A company or body, with its contacts in the order in which they are to be tried: also those not in force.

    `company_numbers` are its numbers in companies' registers, `12345678` for a KVK number. One that
    `is_self_registered` is found by what it has proven, and never by what it is called.
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
    is_self_registered: bool = False

    @property
    def decided_criticality(self) -> Criticality:
        """What may route by itself: a derived criticality is as good as none known."""
        return Criticality.UNKNOWN if self.criticality_source is CriticalitySource.DERIVED else self.criticality

    @property
    def is_vital(self) -> bool:
        """Does its country depend on it, as far as somebody has decided that?"""
        return self.decided_criticality in ESSENTIAL


class OrganisationProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation says of itself. `kvk_number` has eight digits and keeps its leading zeros.

    `company_numbers` are those of other countries' registers, `BE:0123456789`. `sector` is a code with its scheme and
    version, `sbi-2008:56101`, or words, which route nothing.
    """

    name: str
    country: str
    language: Language
    criticality: Criticality = Criticality.NONE
    criticality_source: CriticalitySource = CriticalitySource.REGISTERED
    other_names: tuple[str, ...] = ()
    kvk_number: str | None = None
    company_numbers: tuple[str, ...] = ()
    sector: str | None = None


class OrganisationRecord(msgspec.Struct, frozen=True):
    """An organisation as it is kept. Of its criticality, who decided it and when; not known of what is older.
    `claimed_kvk_number` is what one that has registered by itself says; nothing follows from it.
    """

    organisation_id: UUID
    profile: OrganisationProfile
    created_at: datetime
    updated_at: datetime
    criticality_decided_at: datetime | None = None
    criticality_by: str | None = None
    self_registered: bool = False
    claimed_kvk_number: str | None = None


class AssetRecord(msgspec.Struct, frozen=True):
    """A registered asset as it is kept. It is warned about only while it is proven and nobody contests it."""

    asset_id: UUID
    organisation_id: UUID
    kind: AssetKind
    value: str
    created_at: datetime
    proof: Proof
    contested: bool = False


class ContactRecord(msgspec.Struct, frozen=True):
    """A contact as it is kept. The keys are as they came: OpenPGP in its armour, a certificate as PEM."""

    contact_id: UUID
    contact: Contact
    created_at: datetime
    pgp_key: str | None = None
    smime_certificate: str | None = None


class AssetClaim(msgspec.Struct, frozen=True, gc=False):
    """An asset in its canonical spelling, so that one asset can be claimed only once. `interval` for ranges only."""

    kind: AssetKind
    value: str
    interval: Interval | None = None


class RegisteredAsset(msgspec.Struct, frozen=True, gc=False):
    """Whose an asset is."""

    claim: AssetClaim
    organisation_id: UUID


class BadClaim(ValueError):
    """What can't be registered as an asset; the message is for the person who tried."""


WIDEST_RANGE = {Space.IPV4: 1 << 24, Space.IPV6: 1 << 112}
"""A /8 or a /16: nobody but a registry has more, so more is a typing mistake that would redirect everybody's mail."""
MOST_CLAIMS_AT_HAND = 1 << 18
ORDER_OF_ROLES = {role: place for place, role in enumerate(ContactRole)}
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


@lru_cache(maxsize=MOST_CLAIMS_AT_HAND)
def kept_claim(kind: AssetKind, value: str) -> AssetClaim:
    """A claim as it was accepted once; what is a public suffix today may not have been one then.

    Kept at hand: all of them are read whenever one has changed, and reading a range takes longer than all the rest.
    """
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


def usable(contacts: Iterable[Contact], at: datetime) -> tuple[Contact, ...]:
    """Those that are in force and can be mailed, in the order given; nobody else is ever written to."""
    return tuple(contact for contact in contacts if contact.is_usable(at))


def by_role(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """In the order in which they are tried; within a role the order given."""
    return tuple(sorted(contacts, key=_place_of_role))


def _place_of_role(contact: Contact) -> int:
    return ORDER_OF_ROLES[contact.role]


class Registered:
    """All registered assets, ready to be asked. Never changes; a change of the tables makes a new one."""

    def __init__(
        self,
        *,
        version: int,
        organisations: Mapping[UUID, Organisation],
        assets: Sequence[RegisteredAsset],
        withheld: WithheldClaims = NO_CLAIMS,
    ) -> None:
        """Of equal assets the first is meant: a person has said that both organisations may have it."""
        self.version = version
        self.withheld = withheld
        self.organisations = organisations
        self._by_value = {asset.claim.value: asset for asset in reversed(assets) if asset.claim.interval is None}
        asns = (asset for asset in self._by_value.values() if asset.claim.kind is AssetKind.ASN)
        self._by_asn = {int(asset.claim.value[2:]): asset for asset in asns}
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

    @property
    def has_asns(self) -> bool:
        return bool(self._by_asn)

    def asn(self, number: int) -> RegisteredAsset | None:
        return self._by_asn.get(number)

    def around(self, space: Space, numbers: Sequence[int]) -> dict[int, RegisteredAsset]:
        """The smallest claimed range around each address of `space` that lies in one."""
        ranges = self._ranges[space]
        if not ranges:
            return {}
        owners = self._segments[space].owners(numbers)
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
