"""What a judgement makes known: to the rest of its batch at once, and to all others as it is stored."""

import msgspec

from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain.corroboration import COUNT_WHILE_HELD
from services.verifier.domain.values import HeldSighting, Judgement, Threat, ThreatState, Verdict

SEVERITIES = tuple(Severity)

# Members looked up once: in Python 3.11 each look-up of one costs more than the comparison with it.
DUPLICATE, HELD = Outcome.DUPLICATE, Verdict.HELD


def threat_after(judgement: Judgement, known: Threat | None) -> Threat:
    """The threat as the rest of the batch must see it."""
    event = judgement.indicator
    if known is None:
        return Threat(
            threat_id=judgement.threat_id,
            asset=event.key,
            identifier=event.indicator.identifier,
            incident=judgement.incident or "",
            state=ThreatState.OPEN,
            first_seen_at=judgement.first_seen_at,
            last_seen_at=event.indicator.seen_at,
            sightings=1,
            partners=frozenset({event.partner}),
            sources=frozenset({event.source}),
            announced_at=judgement.at,
            is_test=event.is_test,
            told_severity=judgement.severity,
            is_doubted=judgement.is_doubted,
        )
    again = msgspec.structs.replace(
        known,
        first_seen_at=judgement.first_seen_at,
        last_seen_at=max(event.indicator.seen_at, known.last_seen_at),
        sightings=known.sightings + 1,
        partners=known.partners | {event.partner},
        sources=known.sources | {event.source},
        told_severity=_told(judgement, known),
        is_doubted=judgement.is_doubted and (known.is_doubted or judgement.reopened is not None),
    )
    if judgement.outcome is DUPLICATE:
        return again
    return msgspec.structs.replace(
        again, state=ThreatState.OPEN, announced_at=judgement.at, closed_at=None, closed_reason=None
    )


def _told(judgement: Judgement, known: Threat) -> Severity:
    """The worst that was told of the threat since it was last opened."""
    if judgement.reopened or known.told_severity is None:
        return judgement.severity
    return min(judgement.severity, known.told_severity, key=SEVERITIES.index)


def held_with(judgement: Judgement, held: tuple[HeldSighting, ...]) -> tuple[HeldSighting, ...]:
    """What is held of a threat after a judgement: the newest of each who reports and each who has found it."""
    event = judgement.indicator
    if judgement.verdict is not HELD or judgement.reason not in COUNT_WHILE_HELD or event.is_test:
        return held
    new = HeldSighting(event.partner, event.source, event.indicator.seen_at, judgement.confidence)
    return (*(each for each in held if (each.partner, each.source) != (new.partner, new.source)), new)
