"""A mail that was sealed for its recipient, and what is kept of that."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from services.notifier.domain.sealing.entity import Opened, opened, subject_inside, with_subject
from services.notifier.domain.sealing.keys import Scheme, Unusable
from services.notifier.domain.sealing.policy import Encrypt, Plain, Withhold, in_words, without_key
from services.notifier.domain.sealing.seal import SigningCertificate, encrypted


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """How a mail was sealed. `inside` is what leaves, at each try; empty where it is not encrypted.

    `carries`: a mark of what the mail tells of; when that changes, it is sealed anew.
    """

    notification_id: UUID
    scheme: Scheme | None
    fingerprint: str = ""
    why: str = ""
    carries: bytes = b""
    inside: bytes = b""
    at: datetime


def carried_mark(target_ids: Iterable[UUID]) -> bytes:
    """The same for the same targets, in whatever order."""
    return hashlib.sha256(b"".join(sorted(each.bytes for each in target_ids))).digest()


def signed(content: bytes, *, with_: SigningCertificate, mark: str) -> bytes:
    mail = opened(content)
    return Opened(mail.headers, with_.sign(mail.inside, mark=mark)).content


def sealed(
    content: bytes, plan: Encrypt, *, with_: SigningCertificate | None, mark: str
) -> tuple[Scheme, str, bytes] | Plain | Withhold:
    """Sign, then encrypt to the first key that takes it: how, to which, and the new inside. The subject goes inside."""
    mail = opened(content)
    inside = subject_inside(mail, mail.inside)
    if with_ is not None:
        inside = with_.sign(inside, mark=mark)
    refused: list[Unusable] = []
    for key in plan.keys:
        made = encrypted(inside, key, mark=mark)
        if not isinstance(made, Unusable):
            return key.scheme, key.fingerprint, made
        refused.append(made)
    why = " and ".join(filter(None, (plan.why, in_words(refused))))
    return without_key(is_required=plan.is_required, why=why)


def outside_of(content: bytes, inside: bytes, *, subject: str) -> bytes:
    """The mail around a sealed inside: its own headers, and a subject that says nothing of it."""
    return Opened(with_subject(opened(content), subject).headers, inside).content
