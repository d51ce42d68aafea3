"""Which key of a recipient a mail is encrypted to, and why one can't be used."""

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pysequoia import Cert

RSA_BITS_LEAST = 2048
NOT_A_KEY = (RuntimeError, ValueError, OverflowError)
"""What the library for OpenPGP raises; it has no class of its own."""

FOR_MAIL = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


E = TypeVar("E", bound=x509.ExtensionType)


class Scheme(StrEnum):
    """How a mail is encrypted."""

    SMIME = "smime"
    OPENPGP = "openpgp"


class UsableKey(msgspec.Struct, frozen=True):
    """A key that a mail can be encrypted to. `key`: an S/MIME certificate or an OpenPGP certificate."""

    scheme: Scheme
    fingerprint: str
    key: x509.Certificate | Cert


class Unusable(msgspec.Struct, frozen=True):
    """Why a key is not encrypted to, in words that go after its name. Nobody's name is in them."""

    scheme: Scheme
    why: str


def usable_certificate(pem: str, *, email: str, at: datetime) -> UsableKey | Unusable:
    """As far as the certificate itself says it. Whether its authority has withdrawn it, nobody is asked."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        why = _against_certificate(certificate, email=email, at=at)
    except ValueError:
        return Unusable(Scheme.SMIME, "can't be read")
    if why:
        return Unusable(Scheme.SMIME, why)
    return UsableKey(Scheme.SMIME, certificate.fingerprint(SHA256()).hex(), certificate)


def _against_certificate(certificate: x509.Certificate, *, email: str, at: datetime) -> str:
    key = certificate.public_key()
    if at < certificate.not_valid_before_utc:
        return f"is valid from {certificate.not_valid_before_utc:%Y-%m-%d} only"
    if at >= certificate.not_valid_after_utc:
        return f"has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if not isinstance(key, RSAPublicKey):
        return "has a key that mail can't be encrypted to: RSA alone can"
    if key.key_size < RSA_BITS_LEAST:
        return f"is too weak: RSA of {key.key_size} bits"
    if not _may_encrypt(certificate):
        return "is not made for encrypting mail"
    return "" if _is_for(addresses_in(certificate), email) else "is of another address"


def _may_encrypt(certificate: x509.Certificate) -> bool:
    usage, extended = extension(certificate, x509.KeyUsage), extension(certificate, x509.ExtendedKeyUsage)
    return (usage is None or usage.key_encipherment) and (extended is None or not FOR_MAIL.isdisjoint(extended))


def usable_openpgp(armoured: str, *, email: str, at: datetime) -> UsableKey | Unusable:
    """Whether a part of it can be encrypted to shows when it is: the library refuses what is weak."""
    try:
        certificate = Cert.from_bytes(armoured.encode())
        expires_at, is_revoked = certificate.expiration, certificate.is_revoked
        names = [str(name) for name in certificate.user_ids]
    except NOT_A_KEY as error:
        return Unusable(Scheme.OPENPGP, f"can't be read: {in_a_line(error)}")
    if is_revoked:
        return Unusable(Scheme.OPENPGP, "has been revoked by its owner")
    if expires_at is not None and at >= expires_at:
        return Unusable(Scheme.OPENPGP, f"has expired on {expires_at:%Y-%m-%d}")
    if not _is_for(frozenset(_address_in(name) for name in names if "@" in name), email):
        return Unusable(Scheme.OPENPGP, "is of another address")
    return UsableKey(Scheme.OPENPGP, certificate.fingerprint.lower(), certificate)


def in_a_line(error: Exception) -> str:
    """Without the backtrace that the library puts below."""
    return str(error).partition("\n")[0]


def addresses_in(certificate: x509.Certificate) -> frozenset[str]:
    """The mail addresses that a certificate names, in small letters."""
    named = extension(certificate, x509.SubjectAlternativeName)
    addresses = named.get_values_for_type(x509.RFC822Name) if named is not None else []
    subject = certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    return frozenset(address.lower() for address in (*addresses, *(str(each.value) for each in subject)))


def extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    """One of a certificate's statements about itself; None where it makes none."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _address_in(name: str) -> str:
    """Of a user id: `Name <address>`, or the address alone."""
    return name.rpartition("<")[2].partition(">")[0].strip().lower()


def _is_for(addresses: frozenset[str], email: str) -> bool:
    """A key that names nobody is for whoever registered it."""
    return not addresses or email.lower() in addresses
