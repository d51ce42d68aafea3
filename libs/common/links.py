"""Tokens in the addresses that our mails name: made by the notifier, read by feedback, signed against inventions.

A rating token holds the incident and a random number, and nothing of its recipient: who rates stays unknown, and each
token counts once. A recipient token holds the notification, and its page says so. A registration token leads to the
page of one organisation that has registered by itself.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

MAC_BYTES = 12
NONCE_BYTES = 12
UUID_BYTES = 16


@dataclass(frozen=True, slots=True)
class RatingLink:
    """What a rating token says. With one of a test nothing is rated."""

    incident: str
    nonce: bytes
    is_test: bool = False


class Links:
    """Makes and reads tokens with one secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def rating_token(self, incident: str, nonce: bytes, *, is_test: bool = False) -> str:
        """`nonce`: 12 random bytes, kept nowhere."""
        return self._sign(b"rating-test" if is_test else b"rating", nonce + incident.encode())

    def read_rating_token(self, token: str) -> RatingLink | None:
        """None for a token that we did not make."""
        in_earnest = self._verify(b"rating", token)
        body = self._verify(b"rating-test", token) if in_earnest is None else in_earnest
        if body is None or len(body) <= NONCE_BYTES:
            return None
        return RatingLink(body[NONCE_BYTES:].decode(), body[:NONCE_BYTES], is_test=in_earnest is None)

    def recipient_token(self, notification_id: UUID) -> str:
        return self._sign(b"recipient", notification_id.bytes)

    def read_recipient_token(self, token: str) -> UUID | None:
        """None for a token that we did not make."""
        return self._uuid_of(b"recipient", token)

    def registration_token(self, registration_id: UUID) -> str:
        return self._sign(b"registration", registration_id.bytes)

    def read_registration_token(self, token: str) -> UUID | None:
        """None for a token that we did not make."""
        return self._uuid_of(b"registration", token)

    def _uuid_of(self, purpose: bytes, token: str) -> UUID | None:
        body = self._verify(purpose, token)
        return UUID(bytes=body) if body is not None and len(body) == UUID_BYTES else None

    def _sign(self, purpose: bytes, body: bytes) -> str:
        return _written(body + self._mac(purpose, body))

    def _verify(self, purpose: bytes, token: str) -> bytes | None:
        try:
            signed = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        body, mac = signed[:-MAC_BYTES], signed[-MAC_BYTES:]
        is_ours = hmac.compare_digest(mac, self._mac(purpose, body)) and _written(signed) == token
        return body if is_ours else None

    def _mac(self, purpose: bytes, body: bytes) -> bytes:
        return hmac.digest(self._key, purpose + b"\x00" + body, hashlib.sha256)[:MAC_BYTES]


def _written(signed: bytes) -> str:
    """The only way in which we write it; base64 can be read in others."""
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
