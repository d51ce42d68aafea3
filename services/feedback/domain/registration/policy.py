"""How much one organisation, one mailbox and all of them together may register."""

from datetime import timedelta

import msgspec


class RegistrationPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The house's limits. What nobody has confirmed is forgotten after `kept_for`, and so is what was withdrawn.

    `mails_a_day` and `mails_to_one_a_day` bound the questions whether a registration is right: the address may be
    somebody else's. `changes_a_day` bounds those of one registration, as attribution asks others about each asset.
    """

    most_assets: int
    kept_for: timedelta
    mails_to_one_a_day: int
    mails_a_day: int
    changes_a_day: int
    allow_documentation: bool
