"""A recipient can't be reached, or can't prove an asset any more: whom the ladder names next, or that there is none."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from libs.common.contracts import Continued, Event, RecipientsExhausted, RecipientUnreachable, TargetAttributed
from libs.common.db import Transaction
from libs.common.ids import derived_id
from services.attribution import store
from services.attribution.domain.ladder import Attributed, told
from services.attribution.domain.next_contact import Exhausted, next_contact
from services.attribution.handlers.deciding import Decider
from services.attribution.store.continuations import Continuation


async def attribute_unreachable(
    events: Sequence[RecipientUnreachable], /, *, tx: Transaction, now: datetime, decider: Decider
) -> Sequence[Event]:
    """Name the next contact for each target; one that was asked for before gets the same answer, unless a person asks.

    The answer is about the same indicator, so the first attribution stands as it is.
    """
    asked = {(event.target.target_id, event.asked_again): event for event in events}
    standing = await store.continuations.answers_to(tx, list(asked))
    new = {question: event for question, event in asked.items() if question not in standing}

    verdicts = await decider.decide([decider.past(event) for event in new.values()], tx=tx, at=now)
    known = await decider.directory.latest(tx)
    decided = {
        question: next_contact(
            verdict,
            failed=event.failed,
            organisations=known.registered.organisations,
            at=now,
            is_asked_again=event.asked_again > 0,
        )
        for (question, event), verdict in zip(new.items(), verdicts, strict=True)
    }

    await store.continuations.record(tx, decided, now=now)
    standing |= {question: Continuation(now, decision) for question, decision in decided.items()}
    return [_event_of(event, standing[question]) for question, event in asked.items()]


def _event_of(asked: RecipientUnreachable, standing: Continuation) -> Event:
    target = asked.target
    match standing.decision:
        case Attributed() as decision:
            return _target_of(asked, decision)
        case Exhausted(evidence=evidence):
            return RecipientsExhausted(
                target_id=target.target_id,
                asset=asked.key,
                at=standing.decided_at,
                evidence=told(evidence),
                asked_again=asked.asked_again,
                traceparent=target.traceparent,
            )


def _target_of(asked: RecipientUnreachable, decision: Attributed) -> TargetAttributed:
    """The teams that hear of it as well have their copies already, unless those rested on what is unproven too."""
    target = asked.target
    again = (asked.asked_again,) if asked.asked_again else ()
    first = target.continued.target_id if target.continued else target.target_id
    return msgspec.structs.replace(
        target,
        target_id=derived_id("continued-target", target.target_id, *again),
        recipient=decision.recipient,
        confidence=decision.confidence,
        evidence=told(decision.evidence),
        handed_over=decision.handed_over,
        copies=decision.copies if asked.is_unproven else (),
        continued=Continued(
            target_id=first,
            notification_id=asked.notification_id,
            reference=asked.reference,
            failed=asked.failed,
            is_settled=asked.is_settled,
            is_anew=asked.is_unproven,
        ),
    )
