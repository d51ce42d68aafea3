"""Public keys of contacts: read as far as needed to know that they are keys, and until when they serve.

A certificate (S/MIME) is read by a library. Of OpenPGP only the frame is: armour, the primary key's packet, and the
end that its own signatures name. Whether those signatures hold is for the library that will encrypt with it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

MAX_KEY_CHARS = 64 * 1024

_ARMOUR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n:]+:[^\r\n]*\r?\n)*[ \t]*\r?\n?"
    r"(?P<body>[A-Za-z0-9+/=\r\n]+?)"
    r"(?:\r?\n=[A-Za-z0-9+/]{4})?\r?\n-----END PGP PUBLIC KEY BLOCK-----"
)
_PUBLIC_KEY, _SIGNATURE = 6, 2
_CERTIFYING = frozenset({0x10, 0x11, 0x12, 0x13, 0x1F})
"""Signature types that speak of the primary key and its user ids (RFC 9580, 5.2.1)."""

_KEY_EXPIRES = 9
"""Subpacket: seconds from the making of the key to its end (RFC 9580, 5.2.3.13)."""


class KeyKind(StrEnum):
    PGP = "pgp"
    SMIME = "smime"


class PublicKey(msgspec.Struct, frozen=True):
    """What a person compares before they trust a key. `expires_at` None: never."""

    kind: KeyKind
    fingerprint: str
    expires_at: datetime | None


class BadKey(ValueError):
    """It is no public key, or can't be used; the message is for the person who sent it."""


def read_certificate(text: str, *, at: datetime) -> PublicKey:
    """The certificate in `text` (PEM); raises `BadKey` for none, and for one that is not valid at that time."""
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
        expires_at, fingerprint = certificate.not_valid_after_utc, certificate.fingerprint(SHA256()).hex()
    except ValueError as error:
        raise BadKey("That is no certificate in PEM form (`-----BEGIN CERTIFICATE-----`).") from error
    return _in_force(PublicKey(KeyKind.SMIME, fingerprint, expires_at), at=at)


def read_pgp_key(text: str, *, at: datetime) -> PublicKey:
    """The OpenPGP public key in `text` (armoured); raises `BadKey` for none, and for one that has expired."""
    armour = _ARMOUR.search(text)
    if armour is None:
        raise BadKey("That is no OpenPGP key in its armour (`-----BEGIN PGP PUBLIC KEY BLOCK-----`).")
    try:
        packets = list(_packets(base64.b64decode("".join(armour["body"].split()), validate=True)))
        key = _primary_key(packets)
    except (binascii.Error, IndexError, ValueError, OverflowError) as error:
        raise BadKey("What is in the armour is no OpenPGP public key.") from error
    return _in_force(key, at=at)


def kept_key(kind: KeyKind, text: str) -> PublicKey | None:
    """A key that was accepted once, as it reads today, expired or not."""
    try:
        beginning = datetime(1970, 1, 1, tzinfo=UTC)
        return read_pgp_key(text, at=beginning) if kind is KeyKind.PGP else read_certificate(text, at=beginning)
    except BadKey:
        return None


def _in_force(key: PublicKey, *, at: datetime) -> PublicKey:
    if key.expires_at is not None and key.expires_at <= at:
        raise BadKey(f"This key has expired on {key.expires_at:%Y-%m-%d}.")
    return key


def _primary_key(packets: list[tuple[int, bytes]]) -> PublicKey:
    tag, body = packets[0]
    version = body[0]
    if tag != _PUBLIC_KEY or version not in (4, 6):
        raise ValueError("the first packet is no public key of version 4 or 6")
    made_at = datetime.fromtimestamp(int.from_bytes(body[1:5], "big"), UTC)
    lifetimes = [seconds for kind, each in packets[1:] if kind == _SIGNATURE for seconds in _lifetimes(each) if seconds]
    expires_at = made_at + timedelta(seconds=max(lifetimes)) if lifetimes else None
    return PublicKey(KeyKind.PGP, _fingerprint(version, body), expires_at)


def _fingerprint(version: int, body: bytes) -> str:
    if version == 4:
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest()
    return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest()


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each packet, in both forms of headers (RFC 9580, 4.2). Raises ValueError for half a packet."""
    at = 0
    while at < len(data):
        header = data[at]
        if not header & 0x80:
            raise ValueError("not a packet")
        if header & 0x40:
            tag, (length, at) = header & 0x3F, _length(data, at + 1)
        else:
            tag, width = (header >> 2) & 0x0F, 1 << (header & 0x03)
            if width == 8:
                raise ValueError("a packet without an end")
            length, at = int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width
        if at + length > len(data):
            raise ValueError("half a packet")
        yield tag, data[at : at + length]
        at += length


def _length(data: bytes, at: int, *, two_bytes_below: int = 224) -> tuple[int, int]:
    """A length, and where what it measures begins."""
    first = data[at]
    if first < 192:
        return first, at + 1
    if first < two_bytes_below:
        return ((first - 192) << 8) + data[at + 1] + 192, at + 2
    if first == 255:
        return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
    raise ValueError("partial lengths have no place in a key")


def _lifetimes(signature: bytes) -> Iterator[int]:
    """How long the key serves, where this signature by its owner says so."""
    version, kind = signature[0], signature[1]
    if version not in (4, 6) or kind not in _CERTIFYING:
        return
    width = 2 if version == 4 else 4
    size = int.from_bytes(signature[4 : 4 + width], "big")
    hashed, at = signature[4 + width : 4 + width + size], 0
    while at < len(hashed):
        length, at = _length(hashed, at, two_bytes_below=255)
        if length and hashed[at] & 0x7F == _KEY_EXPIRES:
            yield int.from_bytes(hashed[at + 1 : at + 5], "big")
        at += length
