"""Who lets waiting mails go, after having seen what, and when they go by themselves."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from libs.common.vocabulary import RecipientKind, Severity
from services.notifier.domain.brakes.holds import Hold, HoldKind, HoldState

SLACK = 10
"""A release covers a tenth more mails than were seen: on a busy system some have come since."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the mails of an incident that have left, and what their recipients said.

    `delivered`: the relay took it, and it did not come back. `bounced`: it came back, or was refused for good.
    `deferred`: refused for now. `under_way`: not answered yet.
    """

    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    deferred: int = 0
    under_way: int = 0
    complaints: int = 0
    ratings: int = 0
    useful: float | None = None
    clear: float | None = None
    wrong: int = 0
    not_ours: int = 0
    questions: int = 0
    fixed: int = 0
    opt_outs: int = 0


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """How many mails something is about, and to whom."""

    mails: int = 0
    targets: int = 0
    kinds: Mapping[RecipientKind, int] = {}
    severities: Mapping[Severity, int] = {}


class ReleasePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`four_eyes`: who asks for a release is not who gives it. `by_itself_after`: None means never.

    A first wave is fine with no greater share of its mails bounced, or called wrong, not theirs or complained about,
    and recipients who find it useful by `least_useful` (1 to 5) at least.
    """

    four_eyes: bool = False
    by_itself_after: timedelta | None = None
    most_bounced: float = 0.1
    most_wrong: float = 0.05
    least_useful: float = 3.0


class Refusal(StrEnum):
    """Why somebody can't release now."""

    WRONG_STATE = "wrong-state"
    NOT_ASKED = "not-asked"
    FOUR_EYES = "four-eyes"
    AMOUNT_CHANGED = "amount-changed"


def is_as_seen(seen: int, *, now: int) -> bool:
    """Whether there are no more mails than whoever decides has seen, give or take what came meanwhile."""
    return now <= seen + seen // SLACK


def release_refused(hold: Hold, *, by: str, seen: int, now: int, policy: ReleasePolicy) -> Refusal | None:
    """Why this person may not release these mails; None if they may."""
    if hold.state is not HoldState.STANDING:
        return Refusal.WRONG_STATE
    if policy.four_eyes and hold.asked_by is None:
        return Refusal.NOT_ASKED
    if policy.four_eyes and hold.asked_by == by:
        return Refusal.FOUR_EYES
    return None if is_as_seen(seen, now=now) else Refusal.AMOUNT_CHANGED


def troubles_in(figures: Figures, *, policy: ReleasePolicy) -> list[str]:
    """What keeps a first wave from going on by itself, in words; none if all is fine."""
    answered = figures.delivered + figures.bounced
    if figures.under_way:
        return [f"{figures.under_way} mails of the first wave are still under way"]
    if not figures.delivered:
        return ["no mail of the first wave was delivered"]
    troubles = []
    if figures.deferred > answered:
        troubles.append(f"{figures.deferred} mails are refused for now, and {answered} answered for good")
    if figures.bounced > policy.most_bounced * answered:
        troubles.append(f"{figures.bounced} of {answered} mails came back")
    refused = figures.wrong + figures.not_ours + figures.complaints
    if refused > policy.most_wrong * figures.delivered:
        troubles.append(
            f"{refused} recipients of {figures.delivered} complained or said that it is wrong or not theirs"
        )
    if figures.useful is not None and figures.useful < policy.least_useful:
        troubles.append(f"recipients find it useful by {figures.useful:.1f} of 5")
    return troubles


def goes_by_itself(hold: Hold, figures: Figures, *, policy: ReleasePolicy, now: datetime) -> bool:
    """Whether the rest of a first wave may go without a person. Unusual volume always waits for one."""
    if policy.by_itself_after is None or hold.kind is not HoldKind.FIRST_WAVE or hold.state is not HoldState.STANDING:
        return False
    if hold.waits_since is None or now - hold.waits_since < policy.by_itself_after:
        return False
    return not troubles_in(figures, policy=policy)
