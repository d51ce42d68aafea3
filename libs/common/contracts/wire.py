"""Events as bytes: the JSON value, and the CloudEvents headers that go with it."""

from datetime import datetime
from functools import lru_cache, reduce

import msgspec

from libs.common.contracts.event import TOPICS, Event
from libs.common.errors import Permanent

EVENT_CLASSES: tuple[type[Event], ...] = tuple(event_class for classes in TOPICS.values() for event_class in classes)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(reduce(lambda left, right: left | right, EVENT_CLASSES))  # type: ignore[arg-type, return-value]  # a union made at run time


def encode(event: Event) -> bytes:
    """The JSON value of an event."""
    return _encoder.encode(event)


def decode(value: bytes) -> Event:
    """The event in a JSON value, whichever it is. Raises `Permanent` for what is no event of ours.

    RecursionError and UnicodeDecodeError are what msgspec raises for nesting without end and for bytes that are no
    UTF-8; neither is a DecodeError.
    """
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Permanent(f"not an event: {error}") from error


def event_type(event_class: type[Event]) -> str:
    """CloudEvents `type`: reversed nothing, just our name, the event's and its version."""
    return f"tocsin.{event_class.__struct_config__.tag}"


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
