"""Whether our certificate fits what we write with it: our address, its use, its time."""

from datetime import datetime, timedelta

from cryptography import x509

from services.notifier.domain.sealing.keys import FOR_MAIL, addresses_in, extension
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.domain.sender_check import Finding, Subject, Verdict

ENDS_SOON = timedelta(days=30)


def certificate_findings(signing: SigningCertificate | None, *, from_address: str, at: datetime) -> list[Finding]:
    """One, if we sign; nothing if we don't: DKIM says who we are as well."""
    if signing is None:
        return []
    verdict, sentence = _judged(signing.certificate, from_address=from_address, at=at)
    return [Finding(Subject.SIGNATURES, verdict, sentence)]


def _judged(certificate: x509.Certificate, *, from_address: str, at: datetime) -> tuple[Verdict, str]:
    ends = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    addresses = addresses_in(certificate)
    if from_address.lower() not in addresses:
        named = ", ".join(sorted(addresses)) or "no address"
        return Verdict.WRONG, f"The certificate that signs is of {named}, not of {from_address}: programs will warn."
    if not _may_sign(certificate):
        return Verdict.WRONG, "The certificate that signs is not made for signing mail: programs will warn."
    if at < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        return (
            Verdict.WRONG,
            f"The certificate that signs is valid from {begins} only; until then mails are not signed.",
        )
    if at >= certificate.not_valid_after_utc:
        return Verdict.WRONG, f"The certificate that signs has ended on {ends}: mails are not signed any more."
    if certificate.not_valid_after_utc - at < ENDS_SOON:
        return Verdict.WEAK, f"The certificate that signs ends on {ends}: get another one."
    return Verdict.RIGHT, f"Mails are signed with a certificate of {from_address}, valid until {ends}."


def _may_sign(certificate: x509.Certificate) -> bool:
    usage, extended = extension(certificate, x509.KeyUsage), extension(certificate, x509.ExtendedKeyUsage)
    signs = usage is None or usage.digital_signature or usage.content_commitment
    return signs and (extended is None or not FOR_MAIL.isdisjoint(extended))
