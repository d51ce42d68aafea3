"""Identifiers: version 7 for things that arrive, version 5 for things that derive from others."""

from uuid import UUID, uuid5

import uuid_utils.compat

NAMESPACE = UUID("5f0c51a2-7a3b-5c39-9d0e-2f6f6c0b7a11")


def new_id() -> UUID:
    """A time-ordered id (UUIDv7) for something that has just arrived."""
    return uuid_utils.compat.uuid7()


def derived_id(kind: str, *causes: object) -> UUID:
    """The id that follows from `causes`: the same causes give the same id on every machine and at every retry."""
    return uuid5(NAMESPACE, "\x1f".join((kind, *map(str, causes))))
