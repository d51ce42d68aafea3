"""What becomes of a threat that nobody mentions any more."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Threat, ThreatState


class FeedState(StrEnum):
    """Whether silence about a threat means anything: not if its feed has stopped."""

    REPORTING = "reporting"
    STOPPED = "stopped"


class FeedStanding(msgspec.Struct, frozen=True):
    """Whether the feed behind a threat reports, and when it last did; None: never, as far as is known."""

    state: FeedState
    reported_at: datetime | None


def feed_standing(reported_at: datetime | None, rules: Rules, now: datetime) -> FeedStanding:
    """A feed that has not reported for as long as makes a threat quiet has stopped."""
    is_reporting = reported_at is not None and now - reported_at <= rules.quiet_after
    return FeedStanding(FeedState.REPORTING if is_reporting else FeedState.STOPPED, reported_at)


def state_after_silence(threat: Threat, reported_at: datetime | None, rules: Rules) -> ThreatState:
    """What a threat is whose feed last reported at that time. What a person has closed stays closed.

    Silence counts only as far as its feed speaks: when that has stopped, nobody knows whether the threat is still
    there.
    """
    if threat.state is ThreatState.CLOSED:
        return threat.state
    if reported_at is None:
        return ThreatState.OPEN
    silence = reported_at - threat.heard_of_at - _patience(threat, rules)
    if silence > rules.close_after:
        return ThreatState.CLOSED
    return ThreatState.QUIET if silence > rules.quiet_after else ThreatState.OPEN


def _patience(threat: Threat, rules: Rules) -> timedelta:
    """How much longer its kind of finding stays news than a threat stays open: a leak is told of once."""
    incident = rules.catalogue.incidents.get(threat.incident)
    longer = rules.max_age(incident.category) - rules.quiet_after if incident else timedelta()
    return max(longer, timedelta())
