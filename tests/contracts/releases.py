"""Today's events as other releases write them: an older one that leaves out what is optional, later ones that say more.

The rules are in docs/decisions/0002-events.md.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from libs.common.contracts import Event
from libs.common.contracts.wire import encode, event_tag

IDENTITY = ("event", "indicator_id", "submission_id", "record", "traceparent")
WITHOUT_WHICH_THERE_IS_NO_ASSET = "ip"

Json = dict[str, Any]  # Any: JSON, whose fields differ from event to event


def of_an_older_release(event: Event) -> bytes:
    """Only what has to be there. An asset keeps its address: each part of it is optional, but not all at once."""

    def required(value: msgspec.Struct, written: Json) -> Json:
        optional = {field.encode_name for field in msgspec.structs.fields(value) if not field.required}
        return {name: of for name, of in written.items() if name not in optional - {WITHOUT_WHICH_THERE_IS_NO_ASSET}}

    return _written(event, required)


def of_a_later_release(event: Event) -> bytes:
    """The same, and in every object of it a field that we have never heard of."""
    return _written(event, lambda _, written: {**written, "field_of_tomorrow": {"of": ["tomorrow"]}})


def of_the_next_version(event: Event) -> bytes:
    """Another version, in another shape. It still says which record it is about, if it is about one."""
    today = json.loads(encode(event))
    name = event_tag(type(event)).removesuffix(".v1")
    kept = {field: value for field, value in today.items() if field in IDENTITY}
    return json.dumps({**kept, "event": f"{name}.v2", "content": {"of": "tomorrow"}}).encode()


def with_an_unknown_word(event: Event, path: tuple[str, ...]) -> bytes:
    """A word of tomorrow's in the place of one of today's: `path` leads there from field to field."""
    today = json.loads(encode(event))
    place = today
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = "word-of-tomorrow"
    return json.dumps(today).encode()


def _written(event: Event, change: Callable[[msgspec.Struct, Json], Json]) -> bytes:
    """The event's JSON, each object in it changed."""

    def walk(value: object) -> object:
        match value:
            case msgspec.Struct():
                fields = {name: walk(getattr(value, name)) for name in value.__struct_fields__}
                tag = {"event": value.__struct_config__.tag} if value.__struct_config__.tag else {}
                return change(value, {**tag, **fields})
            case tuple():
                return [walk(item) for item in value]
            case Mapping():
                return {str(name): walk(of) for name, of in value.items()}
            case _:
                return value

    return msgspec.json.encode(walk(event))
