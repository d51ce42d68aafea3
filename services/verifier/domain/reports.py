"""Which feeds report, and how often their partners are right."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.verifier.domain.values import History, Judgement, Threat, Verdict

VERIFIED = Verdict.VERIFIED


class Feed(NamedTuple):
    """What a partner reports of one kind of finding."""

    partner: str
    identifier: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch adds to what is known of a feed.

    `verified` counts threats that are new with this partner: a feed that repeats itself daily has not been right each
    day anew. `reported_at` is None where nothing came, but a recipient answered.
    """

    feed: Feed
    reported_at: datetime | None = None
    verified: int = 0
    wrong: int = 0


class TrackRecord(msgspec.Struct, frozen=True):
    """How many threats were verified that a partner told of, and how many of them a recipient called wrong."""

    verified: int
    wrong: int

    @property
    def wrong_share(self) -> float:
        return min(self.wrong / self.verified, 1.0)


def feeds_of(threats: Iterable[Threat]) -> set[Feed]:
    """All that could mention one of these threats again."""
    return {Feed(partner, threat.identifier) for threat in threats for partner in threat.partners}


def reports_of(judgements: Iterable[Judgement], before: History) -> list[Report]:
    """What records say of their feeds, whatever their verdicts; those of tests say nothing. One for each feed."""
    reported: dict[tuple[str, str], datetime] = {}
    news: set[tuple[str, str, UUID]] = set()
    for judgement in judgements:
        event = judgement.indicator
        if event.is_test:
            continue
        partner, identifier, received_at = event.partner, event.indicator.identifier, event.received_at
        last = reported.get((partner, identifier))
        if last is None or received_at > last:
            reported[partner, identifier] = received_at
        if judgement.verdict is VERIFIED:
            known = before.threats.get(judgement.threat_id)
            if known is None or partner not in known.partners:
                news.add((partner, identifier, judgement.threat_id))
    new = Counter((partner, identifier) for partner, identifier, _ in news)
    return [
        Report(feed=Feed(*feed), reported_at=reported_at, verified=new[feed]) for feed, reported_at in reported.items()
    ]


def called_wrong(threats: Iterable[Threat]) -> list[Report]:
    """What it says of partners that recipients called these threats wrong."""
    counts = Counter(feed for threat in threats if not threat.is_test for feed in feeds_of([threat]))
    return [Report(feed=feed, wrong=wrong) for feed, wrong in counts.items()]


def last_reported_at(threat: Threat, reported: Mapping[Feed, datetime]) -> datetime | None:
    """When one of a threat's partners last reported anything of its kind."""
    return max((reported[feed] for feed in feeds_of([threat]) if feed in reported), default=None)
