"""Certificates of tests, made anew for each run: of servers, of clients, of mail, by an authority or by themselves."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def written(self, file: Path) -> Path:
        """Both in one file."""
        file.write_bytes(self.pem + self.key_pem)
        return file


def certified(
    name: str,
    *extensions: x509.ExtensionType,
    key: Key | None = None,
    by: Certified | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Certified:
    """A certificate that says this of itself, signed by itself where nobody else does. From yesterday to tomorrow."""
    own, now = key or ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or now - DAY)
        .not_valid_after(until or now + DAY)
    )
    for each in extensions:
        builder = builder.add_extension(each, critical=isinstance(each, x509.BasicConstraints | x509.KeyUsage))
    signer = by.key if by else own
    return Certified(builder.sign(signer, None if isinstance(signer, Ed25519PrivateKey) else SHA256()), own)


def usage(*names: str) -> x509.KeyUsage:
    """For what a key may be used; all else it may not."""
    known = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{each: each in names for each in known})


def certificate(folder: Path, *names: str) -> Path:
    """A certificate for these names, signed by itself, with its key: a PEM file."""
    return certified(names[0], _for_hosts(names)).written(folder / f"{names[0]}.pem")


@lru_cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    """The same for the same number: making one takes long."""
    return rsa.generate_private_key(65537, bits)


def mail_certificate(
    address: str,
    *,
    key: Key | None = None,
    by: Certified | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    uses: Sequence[str] = ("digital_signature", "key_encipherment"),
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
) -> Certified:
    """For signing and encrypting mail (S/MIME)."""
    named = x509.SubjectAlternativeName([x509.RFC822Name(address)])
    extensions = (named, usage(*uses), x509.ExtendedKeyUsage([purpose]))
    return certified(address, *extensions, key=key or rsa_key(), by=by, since=since, until=until)


class Authority:
    """Signs for servers, for clients and for mail. `file` is what one has to trust."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self.own = certified(name, basic, usage("key_cert_sign", "crl_sign"))
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.own.pem)

    def certificate(self, name: str, *addresses: str) -> Path:
        """A PEM file with a certificate and its key."""
        return certified(name, _for_hosts([name], addresses), by=self.own).written(self._folder / f"{name}.pem")

    def server_context(self, name: str, *addresses: str, clients: Path | None = None) -> ssl.SSLContext:
        """How a server of that name shows itself; with `clients`, it takes only those of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate(name, *addresses))
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _for_hosts(names: Sequence[str], addresses: Sequence[str] = ()) -> x509.SubjectAlternativeName:
    hosts = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(each)) for each in addresses)]
    return x509.SubjectAlternativeName(hosts)
