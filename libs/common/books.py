"""What a service says of its work when it is asked: where each submission's records are, and what it has yet to read.

Values only. `libs/common/bookkeeping.py` reads them, intake's reconciliation compares those of all services.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec


class Waiting(msgspec.Struct, frozen=True):
    """Records of one state of which no outcome was said yet; `since`: of the one that has waited longest."""

    state: str
    records: int
    since: datetime


class SubmissionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """One submission's records in one service: each was passed on, or ended with an outcome, or waits."""

    submission_id: UUID
    passed_on: int = 0
    ended: Mapping[str, int] = {}
    waiting: tuple[Waiting, ...] = ()

    @property
    def heard(self) -> int:
        """All that the service has heard of."""
        return self.passed_on + sum(self.ended.values()) + sum(each.records for each in self.waiting)


class Reading(msgspec.Struct, frozen=True):
    """How far a partition is read: the offset that comes next, and the one that will be written next."""

    topic: str
    partition: int
    read: int
    end: int


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What a service has still to do by itself: messages to read, and positions in its outbox (None: it is empty)."""

    readings: tuple[Reading, ...]
    outbox_first: int | None
    outbox_last: int | None

    @property
    def unread(self) -> Mapping[str, int]:
        """Messages not read, by topic."""
        topics: dict[str, int] = {}
        for each in self.readings:
            topics[each.topic] = topics.get(each.topic, 0) + max(0, each.end - each.read)
        return topics

    def has_read(self, mark: "Backlog") -> bool:
        """Whether all messages that there were at `mark` are read, and what came of them is published or kept."""
        read = {(each.topic, each.partition): each.read for each in self.readings}
        return all(read.get((each.topic, each.partition), 0) >= each.end for each in mark.readings)

    def has_sent(self, mark: "Backlog") -> bool:
        """Whether all that lay in the outbox at `mark` has left."""
        return self.outbox_first is None or mark.outbox_last is None or self.outbox_first > mark.outbox_last
