"""What mail servers' enhanced status codes say (RFC 3463, 7372, 7505), in the groups that we act upon: one table.

Each is subject and detail of a code of class 5, `1.1` of `5.1.1`.
"""

NOBODY_THERE = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "7.13", "7.17"})
"""No such mailbox, no such domain, no address at all, moved, a null MX, switched off, no account, another owner."""

OUR_OWN_ADDRESS = frozenset({"1.7", "1.8"})

MAILBOX_FULL = "2.2"
"""Servers say it with 5 as often as with 4, and there is room again some day."""

FULL = frozenset({MAILBOX_FULL, "3.1"})
"""The mailbox, or the whole server."""

TOO_BIG = frozenset({"2.3", "3.4"})
"""For the mailbox, or for the server."""
