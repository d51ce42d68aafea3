"""Identifiers: version 7 for what arrives, version 8 for the records in it, version 5 for what else derives.

Ids of records sort by the time of their submission and then by their place in it, so rows that are written together lie
together, whatever else is stored: docs/decisions/0008-ids-of-records.md has the figures.
"""

import hashlib
import zlib
from datetime import datetime
from functools import lru_cache
from uuid import UUID, uuid5

import uuid_utils.compat

NAMESPACE = UUID("5f0c51a2-7a3b-5c39-9d0e-2f6f6c0b7a11")

VERSION_8 = (8 << 76) | (2 << 62)
MILLISECONDS = 0xFFFF_FFFF_FFFF << 80
RECORD_AT = 30
DISTINCTION = (1 << RECORD_AT) - 1


def new_id() -> UUID:
    """A time-ordered id (UUIDv7) for something that has just arrived."""
    return uuid_utils.compat.uuid7()


def first_id_at(moment: datetime) -> UUID:
    """The least id that something can have which arrives from this moment on, by the clock that makes ids."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def derived_id(kind: str, *causes: object) -> UUID:
    """The id that follows from `causes`: the same causes give the same id on every machine and at every retry."""
    return uuid5(NAMESPACE, "\x1f".join((kind, *map(str, causes))))


def record_id(submission_id: UUID, record: int) -> UUID:
    """The id (UUIDv8) of a record: the milliseconds of its submission, 12 bits and 30 bits of a hash of it around
    the record's number.
    """
    return UUID(int=_first_of(submission_id) | record << RECORD_AT)


def sibling_id(of: UUID, kind: str) -> UUID:
    """The id of something that there is once for each `of`, such as the target that an indicator becomes; beside it in
    the order.
    """
    return UUID(int=of.int ^ _difference(kind))


def records_between(submission_id: UUID) -> tuple[UUID, UUID]:
    """The least and the greatest id that a record of this submission, or a sibling of one, can have.

    Ids of other submissions of the same millisecond can lie between the two.
    """
    least = _first_of(submission_id) & ~DISTINCTION
    return UUID(int=least), UUID(int=least | (0xFFFF_FFFF << RECORD_AT) | DISTINCTION)


@lru_cache(maxsize=4096)
def _first_of(submission_id: UUID) -> int:
    digest = int.from_bytes(hashlib.sha256(submission_id.bytes).digest()[:6])
    twelve, thirty = digest >> 36, digest & DISTINCTION
    return submission_id.int & MILLISECONDS | VERSION_8 | twelve << 64 | thirty


@lru_cache(maxsize=256)
def _difference(kind: str) -> int:
    return zlib.crc32(kind.encode()) & DISTINCTION
