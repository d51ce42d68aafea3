"""Return addresses that name their mail (VERP): made by the notifier, read where bounces arrive.

`b+TOKEN@bounce.domain`, in which the token is the notification and a keyed hash of it. Letters and digits in one case
only, because mail servers on the way change the case of local parts; 42 characters of the 64 that one may have. The
same for every attempt at a notification: greylisting lets a mail pass whose sender it has seen before.
"""

import base64
import hashlib
import hmac
import re
from uuid import UUID

PREFIX = "b+"
UUID_BYTES = 16
MAC_BYTES = 9
TOKEN_CHARACTERS = 40

_IN_LOCAL_PART = re.compile(rf"(?:^|[=+])b\+([a-z2-7]{{{TOKEN_CHARACTERS}}})$", re.IGNORECASE)
"""Also behind what servers on the way put in front of a local part, such as `prvs=0123abcdef=` (BATV)."""


def token_of(notification_id: UUID, key: bytes) -> str:
    """The token of a notification, the same for each of its attempts. `key`: the secret behind the links."""
    return base64.b32encode(notification_id.bytes + _mac(notification_id, key)).decode().lower()


def notification_of(token: str, key: bytes) -> UUID | None:
    """The notification that a token names, in any case; None for one that we did not make."""
    if len(token) != TOKEN_CHARACTERS:
        return None
    try:
        signed = base64.b32decode(token, casefold=True)
    except ValueError:
        return None
    notification_id = UUID(bytes=signed[:UUID_BYTES])
    return notification_id if hmac.compare_digest(signed[UUID_BYTES:], _mac(notification_id, key)) else None


def return_address(notification_id: UUID, *, domain: str, key: bytes) -> str:
    """Where the bounces of a notification go."""
    return f"{PREFIX}{token_of(notification_id, key)}@{domain}"


def notification_at(address: str, key: bytes) -> UUID | None:
    """The notification whose return address this is, whatever the domain; None for any other address."""
    found = _IN_LOCAL_PART.search(address.rpartition("@")[0])
    return notification_of(found[1], key) if found else None


def _mac(notification_id: UUID, key: bytes) -> bytes:
    return hmac.digest(key, b"verp\x00" + notification_id.bytes, hashlib.sha256)[:MAC_BYTES]
