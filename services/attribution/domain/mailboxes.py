"""Which addresses can be written to at all."""

import re

_PLACEHOLDERS = re.compile(r"unread@ripe\.net|[^@]*@lacnic\.net|(?:no|donot|do-not)[-_.]?reply[^@]*@.*", re.IGNORECASE)
"""What registries write when they hide an address, and mailboxes that say themselves that nobody reads them."""


def is_mailable(email: str) -> bool:
    return _PLACEHOLDERS.fullmatch(email) is None
