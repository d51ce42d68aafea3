"""The certificate that signs our mails (S/MIME), from its file."""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from libs.common.errors import Fatal
from services.notifier.domain.sealing.keys import RSA_BITS_LEAST
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.settings import NotifierSettings


def signing_certificate_of(settings: NotifierSettings) -> SigningCertificate | None:
    """None where mails are not signed. Raises `Fatal` for files that are not what they should be."""
    file = settings.smime_certificate_file
    return None if file is None else read_signing_certificate(file, settings.smime_key_file or file)


def read_signing_certificate(file: Path, key_file: Path) -> SigningCertificate:
    """The first certificate in the file is ours, those after it lead to its authority."""
    try:
        certificate, *chain = x509.load_pem_x509_certificates(file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Fatal(f"the certificate that signs mails, or its key, can't be read: {error}") from error
    is_strong_rsa = isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_LEAST
    if not (isinstance(key, EllipticCurvePrivateKey) or is_strong_rsa):
        raise Fatal(f"the key that signs mails is neither EC nor RSA of {RSA_BITS_LEAST} bits or more")
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey) or _public(key) != _public(certificate):
        raise Fatal("the key that signs mails is not that of the certificate")
    return SigningCertificate(certificate, key, tuple(chain))


def _public(of: RSAPrivateKey | EllipticCurvePrivateKey | x509.Certificate) -> bytes:
    return of.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
