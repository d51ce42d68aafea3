"""Which addresses can be written to at all."""

import re

_PLACEHOLDERS = re.compile(r"unread@ripe\.net|[^@]*@lacnic\.net|(?:no|donot|do-not)[-_.]?reply[^@]*@.*", re.IGNORECASE)
"""What registries write when they hide an address, and mailboxes that say themselves that nobody reads them."""


def is_mailable(email: str) -> bool:
    return _PLACEHOLDERS.fullmatch(email) is None


_WITHHELD = re.compile(r"redact|privacy|withheld|whoisguard|whoisproxy|domainsbyproxy|proxy", re.IGNORECASE)
"""What stands in the address of a registrant who does not want to be found; whoever reads it can mend nothing."""


def is_published(email: str) -> bool:
    """Is it an address that a registry publishes so that its holder can be reached?"""
    return is_mailable(email) and _WITHHELD.search(email) is None
