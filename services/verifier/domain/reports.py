"""Which feeds report, and how often their partners are right."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from services.verifier.domain.values import History, Judgement, Threat, Verdict


class Feed(msgspec.Struct, frozen=True):
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
    reported: dict[Feed, datetime] = {}
    news: dict[Feed, set[UUID]] = {}
    for judgement in judgements:
        event = judgement.indicator
        if event.is_test:
            continue
        feed = Feed(event.partner, event.indicator.identifier)
        reported[feed] = max(event.received_at, reported.get(feed, event.received_at))
        if judgement.verdict is Verdict.VERIFIED and _is_new_with(
            event.partner, before.threats.get(judgement.threat_id)
        ):
            news.setdefault(feed, set()).add(judgement.threat_id)
    return [
        Report(feed=feed, reported_at=reported_at, verified=len(news.get(feed, ())))
        for feed, reported_at in reported.items()
    ]


def _is_new_with(partner: str, known: Threat | None) -> bool:
    return known is None or partner not in known.partners


def called_wrong(threats: Iterable[Threat]) -> list[Report]:
    """What it says of partners that recipients called these threats wrong."""
    counts: dict[Feed, int] = {}
    for threat in threats:
        for feed in feeds_of([] if threat.is_test else [threat]):
            counts[feed] = counts.get(feed, 0) + 1
    return [Report(feed=feed, wrong=wrong) for feed, wrong in counts.items()]


def last_reported_at(threat: Threat, reported: Mapping[Feed, datetime]) -> datetime | None:
    """When one of a threat's partners last reported anything of its kind."""
    return max((reported[feed] for feed in feeds_of([threat]) if feed in reported), default=None)
