"""What all events have in common, and how one travels: CloudEvents 1.0, Kafka binding, binary mode."""

from collections.abc import Callable
from typing import ClassVar, TypeVar
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Base of every event. Identity and key derive from the content, so a repeated event is the same event.

    `traceparent` (W3C Trace Context) follows a record from the partner's POST to the mail.
    """

    topic: ClassVar[str]
    traceparent: str = ""

    @property
    def key(self) -> str:
        """What has to stay in order: the partition key."""
        raise NotImplementedError

    @property
    def event_id(self) -> UUID:
        """CloudEvents `id`: deterministic, derived from the cause."""
        raise NotImplementedError


E_ = TypeVar("E_", bound=type[Event])

TOPICS: dict[str, list[type[Event]]] = {}


def topic(name: str) -> Callable[[E_], E_]:
    """Declare the topic on which an event class travels."""

    def declare(event_class: E_) -> E_:
        event_class.topic = name
        TOPICS.setdefault(name, []).append(event_class)
        return event_class

    return declare
