"""What is held for doubt while records are judged again, in little memory, and when somebody else confirms it."""

import sys
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain.corroboration import DOUBT
from services.verifier.domain.rules import Rules
from services.verifier.domain.sightings import SEVERITIES
from services.verifier.domain.values import Judgement, Threat, Verdict


class _Waiting(msgspec.Struct, frozen=True, gc=False):
    """As much of a held record as decides when it goes on: no check speaks against it."""

    indicator_id: UUID
    partner: str
    source: str
    seen_at: datetime
    category: str
    severity: Severity


class Waiting:
    """By threat. The records themselves would be ten times as much."""

    def __init__(self) -> None:
        self._of: dict[UUID, list[_Waiting]] = {}

    def add(self, judgements: Iterable[Judgement]) -> None:
        """Those of them that are held for doubt."""
        for judgement in judgements:
            if judgement.verdict is Verdict.HELD and judgement.reason == DOUBT:
                event = judgement.indicator
                waiting = _Waiting(
                    indicator_id=event.indicator_id,
                    partner=sys.intern(event.partner),
                    source=sys.intern(event.source),
                    seen_at=event.indicator.seen_at,
                    category=sys.intern(event.indicator.category),
                    severity=judgement.severity,
                )
                self._of.setdefault(judgement.threat_id, []).append(waiting)

    def release(self, threat: Threat, rules: Rules, at: datetime) -> tuple[Threat, dict[UUID, Outcome | None]]:
        """The threat with what it confirms, and how that ends: as a sighting, or as news where it is worse."""
        ends: dict[UUID, Outcome | None] = {}
        left = []
        for each in self._of.pop(threat.threat_id, ()):
            if threat.sources <= {each.source, each.partner} or at - each.seen_at > rules.max_age(each.category):
                left.append(each)
                continue
            told = threat.told_severity
            is_worse = told is not None and SEVERITIES.index(each.severity) < SEVERITIES.index(told)
            ends[each.indicator_id] = None if is_worse else Outcome.DUPLICATE
            threat = msgspec.structs.replace(
                threat,
                last_seen_at=max(threat.last_seen_at, each.seen_at),
                sightings=threat.sightings + 1,
                partners=threat.partners | {each.partner},
                sources=threat.sources | {each.source},
                announced_at=at if is_worse else threat.announced_at,
                told_severity=each.severity if is_worse else told,
            )
        if left:
            self._of[threat.threat_id] = left
        return threat, ends
