"""Who answers for abuse of a network."""

import msgspec


class AbuseDesk(msgspec.Struct, frozen=True):
    """A mailbox for abuse, and whose it is."""

    email: str
    name: str
