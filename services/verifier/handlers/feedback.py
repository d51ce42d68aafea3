"""Recipients have answered."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.contracts import Event, FeedbackReceived
from libs.common.db import Transaction
from libs.common.vocabulary import FeedbackKind
from services.verifier import store
from services.verifier.domain import FalsePositive, called_wrong

FALSE_POSITIVE_LASTS = timedelta(days=180)
CLOSES = (FeedbackKind.FALSE_POSITIVE, FeedbackKind.FIXED)


async def weigh_feedback(answers: Sequence[FeedbackReceived], /, *, tx: Transaction, now: datetime) -> Sequence[Event]:
    """A false positive closes its threats and is remembered, a fix closes them; the rest is not for us.

    What a false positive closes counts against those who told of it, once.

    Remembered for that threat alone: whoever answers does not speak for their neighbours at the same address. Says
    nothing further: what a closed threat means for a later record, the checks decide.
    """
    for kind in CLOSES:
        answered = answered_threats(answers, kind)
        if not answered:
            continue
        threats = await store.threats_with_ids(tx, answered)
        closed = await store.close_threats(tx, answered, reason=kind.value, now=now)
        if kind is FeedbackKind.FALSE_POSITIVE:
            wrong = [
                FalsePositive(
                    asset=threat.asset,
                    identifier=threat.identifier,
                    threat_id=threat.threat_id,
                    reason="its recipient says that it is wrong",
                    expires_at=now + FALSE_POSITIVE_LASTS,
                )
                for threat in threats
            ]
            await store.add_false_positives(tx, wrong, by="feedback", now=now)
            await store.add_reports(tx, called_wrong(closed))
    return []


def answered_threats(answers: Iterable[FeedbackReceived], kind: FeedbackKind) -> dict[UUID, datetime]:
    """The threats that answers of this kind are about, and when each was last answered so."""
    oldest_first = sorted((answer for answer in answers if answer.kind is kind), key=lambda answer: answer.at)
    return {threat_id: answer.at for answer in oldest_first for threat_id in answer.threat_ids}
