"""What is to be done with a mail: sent as it is, encrypted to a key, or not sent at all."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from libs.common.contracts import Encryption
from services.notifier.domain.sealing.keys import Scheme, Unusable, UsableKey, usable_certificate, usable_openpgp

NAMES = {Scheme.SMIME: "S/MIME certificate", Scheme.OPENPGP: "OpenPGP key"}
ONLY_ENCRYPTED = "The recipient takes encrypted mail only"


class EncryptionPolicy(StrEnum):
    """`when-possible`: to a key that can be used, else as it is, unless the contact takes encrypted mail only.
    `required`: whoever has given us a key gets no mail as it is. `never`: nothing is encrypted; who takes
    encrypted mail only gets none.
    """

    NEVER = "never"
    WHEN_POSSIBLE = "when-possible"
    REQUIRED = "required"


class Plain(msgspec.Struct, frozen=True):
    """It goes as it is. `why`: what was wrong with the keys, if there are any."""

    why: str = ""


class Encrypt(msgspec.Struct, frozen=True):
    """To the first of these keys that takes it; `why`: what was wrong with others."""

    keys: Sequence[UsableKey]
    is_required: bool
    why: str = ""


class Withhold(msgspec.Struct, frozen=True):
    """It must not go: the sentence says why."""

    why: str


Plan = Plain | Encrypt | Withhold


def plan_of(encryption: Encryption | None, *, email: str, policy: EncryptionPolicy, at: datetime) -> Plan:
    """S/MIME comes first, as most programs read it without more."""
    if encryption is None:
        return Plain()
    if policy is EncryptionPolicy.NEVER:
        return Withhold(f"{ONLY_ENCRYPTED}, and this system encrypts none.") if encryption.is_required else Plain()
    judged = _judged(encryption, email=email, at=at)
    keys = [each for each in judged if isinstance(each, UsableKey)]
    why = in_words([each for each in judged if isinstance(each, Unusable)])
    is_required = encryption.is_required or policy is EncryptionPolicy.REQUIRED
    if keys:
        return Encrypt(keys, is_required, why)
    return without_key(is_required=is_required, why=why)


def without_key(*, is_required: bool, why: str) -> Plain | Withhold:
    """What happens when no key takes the mail."""
    if not is_required:
        return Plain(why)
    return Withhold(f"{ONLY_ENCRYPTED}, and {why or 'has given us no key'}.")


def in_words(unusable: Sequence[Unusable]) -> str:
    return " and ".join(f"its {NAMES[each.scheme]} {each.why}" for each in unusable)


def _judged(encryption: Encryption, *, email: str, at: datetime) -> list[UsableKey | Unusable]:
    judged: list[UsableKey | Unusable] = []
    if encryption.smime_certificate:
        judged.append(usable_certificate(encryption.smime_certificate, email=email, at=at))
    if encryption.pgp_key:
        judged.append(usable_openpgp(encryption.pgp_key, email=email, at=at))
    return judged
