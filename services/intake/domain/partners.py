"""Who pushes: partners, their keys, and whether a key opens the door."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.vocabulary import Reliability


class AssetsAre(StrEnum):
    """Whose the assets are that a partner's threat intelligence names, where it does not say so itself.

    Most of it tells where attacks come from: from machines that are somebody's and abused, or the attacker's own.
    """

    VICTIMS = "victims"
    ABUSED = "abused"
    HOSTILE = "hostile"


class KeyKind(StrEnum):
    """What a key opens: our API, or the door for mail, as the local part of an address that is the partner's own.

    One never opens the other: an address is read by every mail server on the way.
    """

    API = "api"
    MAIL = "mail"


MAIL_PREFIX = "feed-"
_MAIL_KEY = re.compile(r"feed-[a-z2-7]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An organisation or researcher that pushes feeds."""

    id: UUID
    slug: str
    name: str
    reliability: Reliability
    contact_email: str
    enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerKey:
    """A key as it is kept: its hash stays in the table, `prefix` is what people know it by."""

    id: UUID
    partner_id: UUID
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def kind(self) -> KeyKind:
        return KeyKind.MAIL if self.prefix.startswith(MAIL_PREFIX) else KeyKind.API

    def opens(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A partner with the key they came with."""

    partner: Partner
    key: PartnerKey


def key_prefix(key: str) -> str:
    """The part of a key that may be shown: `tck_` and eight of its 43 characters, or `feed-` and seven of its 32."""
    return key[:12]


def mail_key_of(address: str) -> str | None:
    """The key in an address that mail came for, whose letters may have lost their case; `None` if there is none."""
    local_part = address.rpartition("@")[0].lower()
    return local_part if _MAIL_KEY.fullmatch(local_part) else None
