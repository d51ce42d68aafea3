"""References: the short code in a mail that a recipient can read out, type, and have verified.

`TOC-` and ten of Crockford's base32 characters: nine from a keyed hash of the notification, so that none can be
guessed, and a check character. Z is left out: 31 characters are a prime number of them, so the check catches every
wrong or swapped one.
"""

import hashlib
import hmac
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXY"
BASE = len(ALPHABET)
PREFIX = "TOC-"
CODE_LENGTH = 10
LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def reference_of(notification_id: UUID, key: bytes, *, attempt: int = 0) -> str:
    """The reference of a notification. `attempt` > 0 gives another, for the case that the first is already taken."""
    digest = hmac.digest(key, notification_id.bytes + attempt.to_bytes(2, "big"), hashlib.sha256)
    number = int.from_bytes(digest[:16], "big")
    code = "".join(ALPHABET[number // BASE**place % BASE] for place in range(CODE_LENGTH - 1))
    return PREFIX + code + _check(code)


def normalise_reference(text: str) -> str:
    """What a person typed, as we write it: any case, spaces and hyphens anywhere, O for 0, I and L for 1."""
    compact = text.strip().upper().replace(" ", "").replace("-", "")
    return PREFIX + compact.removeprefix("TOC").translate(LOOKALIKES)


def is_reference(text: str) -> bool:
    """Whether this could be one of ours: right length, alphabet and check character."""
    code = text.removeprefix(PREFIX)
    well_formed = text.startswith(PREFIX) and len(code) == CODE_LENGTH and set(code) <= set(ALPHABET)
    return well_formed and code[-1] == _check(code[:-1])


def _check(code: str) -> str:
    """Weighted sum modulo a prime: every single error and every swap of two characters changes it."""
    return ALPHABET[sum((place + 1) * ALPHABET.index(char) for place, char in enumerate(code)) % BASE]
