"""Which registered contacts have a key, or take encrypted mail only: that holds however their address was found."""

from collections.abc import Iterable, Mapping

import msgspec

from libs.common.contracts import Encryption, Recipient
from services.attribution.domain.organisations import Channel, Contact, Organisation


def encryption_of(contact: Contact) -> Encryption | None:
    """With what its mail is to be encrypted; None where it has no key, and takes mail as it is."""
    is_required = contact.channel is Channel.ENCRYPTED_MAIL
    if not (contact.pgp_key or contact.smime_certificate or is_required):
        return None
    return Encryption(pgp_key=contact.pgp_key, smime_certificate=contact.smime_certificate, is_required=is_required)


def encryptions_of(organisations: Iterable[Organisation]) -> dict[str, Encryption]:
    """By address, in small letters. Of several who share one, the one that takes encrypted mail only counts."""
    found: dict[str, Encryption] = {}
    for organisation in organisations:
        for contact in organisation.contacts:
            if (encryption := encryption_of(contact)) is not None:
                address = contact.email.lower()
                known = found.get(address)
                if known is None or (encryption.is_required and not known.is_required):
                    found[address] = encryption
    return found


def with_keys(recipient: Recipient, encryptions: Mapping[str, Encryption]) -> Recipient:
    """Who is found in another way than its registration is written to as it is registered. A test's partner is not."""
    if recipient.encryption is not None or recipient.test_of is not None:
        return recipient
    known = encryptions.get(recipient.email.lower())
    return recipient if known is None else msgspec.structs.replace(recipient, encryption=known)
