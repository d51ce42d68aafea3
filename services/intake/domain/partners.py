"""Who pushes: partners, their keys, and whether a key opens the door."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from uuid import UUID

from libs.common.addresses import parse_ip
from libs.common.vocabulary import DigestCadence, Language, Reliability, Tlp
from services.intake.domain.csv_reading import CsvReading


class AssetsAre(StrEnum):
    """Whose the assets are that a partner's threat intelligence names, where it does not say so itself.

    Most of it tells where attacks come from: from machines that are somebody's and abused, or the attacker's own.
    """

    VICTIMS = "victims"
    ABUSED = "abused"
    HOSTILE = "hostile"


class KeyKind(StrEnum):
    """What a key opens: our API, or the door for mail, as the local part of an address that is the partner's own.

    One never opens the other: an address is read by every mail server on the way. What is pushed by a key for tests
    goes the whole way, and its mails go to the partner.
    """

    API = "api"
    MAIL = "mail"
    TEST = "test"


MAIL_PREFIX = "feed-"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_MAIL_KEY = re.compile(r"feed-[a-z2-7]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An organisation or researcher that pushes feeds, and what is agreed with them; what is None is not bounded.

    `requests_…` are those of each key, instead of what the settings say. `tlp_default` holds for records without a
    label, `assets_are` for records that do not say whose an asset is. `upstream` is whose findings they pass on.
    `digest_due_at` is when the digest that they want is to be made next; `csv_reading` how their own tables are read.
    """

    id: UUID
    slug: str
    name: str
    reliability: Reliability
    contact_email: str
    enabled: bool
    created_at: datetime
    allowed_formats: tuple[str, ...] | None = None
    allowed_networks: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    requests_burst: int | None = None
    records_per_day: int | None = None
    tlp_default: Tlp | None = None
    upstream: str | None = None
    assets_are: AssetsAre = AssetsAre.ABUSED
    digest: DigestCadence = DigestCadence.NONE
    digest_language: Language = Language.ENGLISH
    digest_due_at: datetime | None = None
    csv_reading: CsvReading = field(default_factory=CsvReading)

    def may_push(self, format_name: str) -> bool:
        return self.allowed_formats is None or format_name in self.allowed_formats

    def may_come_from(self, address: str) -> bool:
        """Whether this is an address of theirs; what is no IP address is not, where there is a list."""
        if self.allowed_networks is None:
            return True
        ip = parse_ip(address)
        return ip is not None and any(ip in _network(text) for text in self.allowed_networks)


@lru_cache(maxsize=4096)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerKey:
    """A key as it is kept: its hash stays in the table, `prefix` is what people know it by.

    `certificate` is the one client certificate with which it opens; `replaces` the key that was rotated. `mails_to` is
    the one address that gets the mails of what is pushed by a key for tests; others have none.
    """

    id: UUID
    partner_id: UUID
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    certificate: str | None = None
    replaces: UUID | None = None
    mails_to: str | None = None

    @property
    def kind(self) -> KeyKind:
        if self.mails_to is not None:
            return KeyKind.TEST
        return KeyKind.MAIL if self.prefix.startswith(MAIL_PREFIX) else KeyKind.API

    def opens(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def successor_end(self, now: datetime) -> datetime | None:
        """When a key ends that takes the place of this one: it lasts as long as this one was meant to."""
        return None if self.expires_at is None else now + (self.expires_at - self.created_at)

    def end_after(self, overlap: timedelta, now: datetime) -> datetime:
        """When this one ends once it was rotated: after the overlap, unless that is beyond its end anyway."""
        return now + overlap if self.expires_at is None else min(self.expires_at, now + overlap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A partner with the key they came with."""

    partner: Partner
    key: PartnerKey


@dataclass(frozen=True, slots=True)
class Visit:
    """How a key came: from which address, and with which certificate, as a proxy that we trust says."""

    address: str
    certificate: str | None = None


class Objection(StrEnum):
    """Why a key that is known and valid does not open the door."""

    DISABLED = "partner-disabled"
    ADDRESS = "address-not-allowed"
    CERTIFICATE = "wrong-certificate"


def objections(caller: Caller, visit: Visit) -> Iterator[Objection]:
    """All of them."""
    if not caller.partner.enabled:
        yield Objection.DISABLED
    if not caller.partner.may_come_from(visit.address):
        yield Objection.ADDRESS
    if caller.key.certificate not in (None, visit.certificate):
        yield Objection.CERTIFICATE


def canonical_certificate(text: str) -> str:
    """A certificate by its SHA-256 fingerprint, in lower case and without colons, or else by its subject as it is."""
    name = text.strip()
    fingerprint = name.replace(":", "").lower()
    return fingerprint if _FINGERPRINT.fullmatch(fingerprint) else name


def key_prefix(key: str) -> str:
    """The part of a key that may be shown: `tck_` and eight of its 43 characters, or `feed-` and seven of its 32."""
    return key[:12]


def mail_key_of(address: str) -> str | None:
    """The key in an address that mail came for, whose letters may have lost their case; `None` if there is none."""
    local_part = address.rpartition("@")[0].lower()
    return local_part if _MAIL_KEY.fullmatch(local_part) else None
