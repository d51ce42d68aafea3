"""The two acts: signing with our certificate, and encrypting to a recipient's key. A mail is signed, then encrypted."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7EnvelopeBuilder,
    PKCS7Options,
    PKCS7SignatureBuilder,
)
from pysequoia import Cert, encrypt

from services.notifier.domain.sealing.entity import openpgp_entity, signed_entity, smime_entity
from services.notifier.domain.sealing.keys import NOT_A_KEY, Unusable, UsableKey, in_a_line

SigningKey = RSAPrivateKey | EllipticCurvePrivateKey


class SigningCertificate(msgspec.Struct, frozen=True):
    """What we sign with: our certificate, its key, and the certificates between it and its authority's."""

    certificate: x509.Certificate
    key: SigningKey
    chain: Sequence[x509.Certificate] = ()

    def is_in_force(self, at: datetime) -> bool:
        return self.certificate.not_valid_before_utc <= at < self.certificate.not_valid_after_utc

    def sign(self, inside: bytes, *, mark: str) -> bytes:
        """The inside, clear, beside its signature. `mark` is in no other part of the mail. Takes a millisecond."""
        builder = PKCS7SignatureBuilder().set_data(inside).add_signer(self.certificate, self.key, SHA256())
        for each in self.chain:
            builder = builder.add_certificate(each)
        options = (PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoCapabilities)
        return signed_entity(inside, builder.sign(Encoding.DER, options), boundary=f"=_{mark}_s")


def encrypted(inside: bytes, to: UsableKey, *, mark: str) -> bytes | Unusable:
    """Only who has the key reads it. Another time it gives other bytes."""
    if isinstance(to.key, Cert):
        try:
            armoured = encrypt(inside, recipients=[to.key])
        except NOT_A_KEY as error:
            return Unusable(to.scheme, f"can't be encrypted to: {in_a_line(error)}")
        return openpgp_entity(armoured, boundary=f"=_{mark}_e")
    builder = PKCS7EnvelopeBuilder().set_data(inside).add_recipient(to.key)
    enveloped = builder.set_content_encryption_algorithm(AES256).encrypt(Encoding.DER, [PKCS7Options.Binary])
    return smime_entity(enveloped)
