"""Who pushes: partners, their keys, and whether a key opens the door."""

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

    def opens(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A partner with the key they came with."""

    partner: Partner
    key: PartnerKey


def key_prefix(key: str) -> str:
    """The part of a key that may be shown: `tck_` and eight of its 43 characters."""
    return key[:12]
