"""What people and the notifier itself have decided about mails that wait: kept for good, with who and why."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from services.notifier.domain.notification import BrakeScope


class Action(StrEnum):
    """`engaged`, `lifted`: a brake. `held`, `asked`, `released`: a hold. `cancelled`, `approved`: mails, in bulk."""

    ENGAGED = "engaged"
    LIFTED = "lifted"
    HELD = "held"
    ASKED = "asked"
    RELEASED = "released"
    CANCELLED = "cancelled"
    APPROVED = "approved"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Who has decided what, when and why. `mails`: the amount that they saw; `done`: how many it has reached by now.

    While it `is_open`, mails are left that it is about. `hold_id` where it is about what waits for a hold.
    """

    id: UUID
    at: datetime
    by: str
    action: Action
    scope: BrakeScope
    value: str
    note: str = ""
    hold_id: UUID | None = None
    mails: int | None = None
    done: int = 0
    is_open: bool = False
