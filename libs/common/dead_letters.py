"""Messages that can never succeed: put aside with their reason, counted, and within a limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from libs.common.contracts import IndicatorSettled
from libs.common.contracts.wire import UNREADABLE, Tagged, event_tag
from libs.common.errors import Fatal, Permanent
from libs.common.metrics import DEAD_LETTERS
from libs.common.publisher import Outgoing, Publisher
from libs.common.vocabulary import Outcome

log = structlog.get_logger(__name__)

REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came from its topic; `at` is when it got there, by the broker's clock."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it lay: topic, partition, offset."""
        return self.topic, self.partition, self.offset


class DeadLetters:
    """Writes to `<topic>.dead-letter`. More than `limit` in one run is a bad deploy, not bad messages: `Fatal`."""

    def __init__(self, *, publisher: Publisher, service: str, limit: int) -> None:
        self._publisher = publisher
        self._service = service
        self._left = limit

    async def bury(self, message: Message, reason: str) -> None:
        """Put one message aside, unchanged, with where it lay and why, so that it can be replayed."""
        if self._left <= 0:
            raise Fatal(
                "more dead letters than the limit allows: stopping before the topic is drained; last: " + reason
            )
        try:
            await self._publisher.send([self._letter(message, reason)])
        except Permanent:
            # With its reason it is larger than the broker takes. Its value still lies at its origin.
            await self._publisher.send([self._letter(replace(message, value=b"", headers=()), reason)])
        self._left -= 1
        DEAD_LETTERS.labels(self._service, message.topic).inc()
        log.error("dead letter", topic=message.topic, partition=message.partition, offset=message.offset, reason=reason)

    def _letter(self, message: Message, reason: str) -> Outgoing:
        origin = "/".join(map(str, message.place))
        return Outgoing(
            topic=f"{message.topic}.dead-letter",
            key=message.key,
            value=message.value,
            headers=[
                *message.headers,
                ("dead_letter_reason", reason[:REASON_CHARACTERS].encode()),
                ("dead_letter_origin", origin.encode()),
                ("dead_letter_service", self._service.encode()),
            ],
        )


class AboutRecord(Tagged, frozen=True):
    """Which record an event is about. All versions of all events that are about one say it in these fields."""

    indicator_id: UUID
    submission_id: UUID
    record: int
    traceparent: str = ""


_about_record = msgspec.json.Decoder(AboutRecord)


def held_by_dead_letter(message: Message, *, service: str) -> list[IndicatorSettled]:
    """The record behind a dead letter waits for a person, and its partner can see that.

    As of when the message came, so that the same is said of it each time that it is met there. Also where the message
    could not be read, as one of a later version, but says which record it is about. Nothing follows from news of an
    outcome: it would come back to the handler that has just failed.
    """
    try:
        about = _about_record.decode(message.value)
    except UNREADABLE:
        return []
    if about.event == event_tag(IndicatorSettled):
        return []
    return [
        IndicatorSettled(
            indicator_id=about.indicator_id,
            submission_id=about.submission_id,
            record=about.record,
            outcome=Outcome.HELD,
            reason="dead-letter",
            message="We could not process this record; an operator has been told and looks at it.",
            at=message.at,
            by=service,
            traceparent=about.traceparent,
        )
    ]
