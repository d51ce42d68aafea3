"""Events as bytes: the JSON value, and the CloudEvents headers that go with it."""

from datetime import datetime
from functools import lru_cache, reduce

import msgspec

from libs.common.contracts.event import TOPICS, Event
from libs.common.errors import Permanent

EVENT_CLASSES: tuple[type[Event], ...] = tuple(event_class for classes in TOPICS.values() for event_class in classes)
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What msgspec raises for bytes that are not what it expects. The last two, for nesting without end and for bytes that
are no UTF-8, are no DecodeErrors."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(reduce(lambda left, right: left | right, EVENT_CLASSES))  # type: ignore[arg-type, return-value]  # a union made at run time


def event_tag(event_class: type[Event]) -> str:
    """The event's name and version, as they stand in the field `event`."""
    return str(event_class.__struct_config__.tag)


TAGS = tuple(map(event_tag, EVENT_CLASSES))


class Tagged(msgspec.Struct, frozen=True):
    """As much of an event of any version as tells what it claims to be."""

    event: str


_claims = msgspec.json.Decoder(Tagged)


def encode(event: Event) -> bytes:
    """The JSON value of an event."""
    return _encoder.encode(event)


def decode(value: bytes) -> Event:
    """The event in a JSON value, whichever it is. Raises `Permanent` for what is no event of ours.

    Fields that we don't know are passed over: they are of a later release. docs/decisions/0002-events.md has the rules.
    """
    try:
        return _decoder.decode(value)
    except UNREADABLE as error:
        raise Permanent(_why_unreadable(value, error)) from error


def _why_unreadable(value: bytes, error: Exception) -> str:
    """Names the version, where a version that we don't read is the cause."""
    try:
        tag = _claims.decode(value).event
    except UNREADABLE:
        return f"not an event: {error}"
    if tag in TAGS:
        return f"not a sound {tag}: {error}"
    versions = [known for known in TAGS if known.rpartition(".v")[0] == tag.rpartition(".v")[0]]
    return f"not an event that this release reads: {tag}" + (f"; it reads {', '.join(versions)}" if versions else "")


def event_type(event_class: type[Event]) -> str:
    """CloudEvents `type`: reversed nothing, just our name, the event's and its version."""
    return f"tocsin.{event_tag(event_class)}"


def headers(event: Event, *, source: str, time: bytes) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0 attributes for Kafka's binary mode (`ce_` prefix), and W3C `traceparent`. `time`: RFC 3339."""
    return [
        *_constant_headers(type(event), source),
        ("ce_id", str(event.event_id).encode()),
        ("ce_time", time),
        ("traceparent", event.traceparent.encode()),
    ]


@lru_cache(maxsize=256)
def _constant_headers(event_class: type[Event], source: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", event_type(event_class).encode()),
        ("ce_source", f"/services/{source}".encode()),
        ("content-type", b"application/json"),
    )


def wire_time(moment: datetime) -> bytes:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
