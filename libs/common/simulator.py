"""Addresses that act as their name says, without a mail leaving: all of `simulator.invalid`, which nobody can own.

RFC 2606 keeps `.invalid` free for ever.
"""

from enum import StrEnum

DOMAIN = "simulator.invalid"


class Act(StrEnum):
    """What becomes of a mail there: the local parts that there are."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DEFERRED = "deferred"
    COMPLAINT = "complaint"
    SILENT = "silent"


ADDRESSES = tuple(f"{act}@{DOMAIN}" for act in Act)
COMPLAINT = f"{Act.COMPLAINT}@{DOMAIN}"


def is_simulated(address: str) -> bool:
    """Whether this is an address of the simulator, also one that it does not have."""
    return address.lower().rpartition("@")[2] == DOMAIN


def act_of(address: str) -> Act | None:
    """What becomes of a mail to a simulated address; None for a name that there is not."""
    local_part = address.lower().rpartition("@")[0]
    return next((act for act in Act if act == local_part), None)
