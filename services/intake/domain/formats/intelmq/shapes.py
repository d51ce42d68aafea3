"""The shapes in which IntelMQ writes a message, read into one: its dotted names, each with a text."""

from collections.abc import Iterator, Mapping
from itertools import islice

from libs.common.addresses import without_url_secrets
from libs.common.text import plain
from services.intake.domain.json_values import MAX_RECORD_BYTES, RawValue, as_text, decoded
from services.intake.domain.records import Findings

# `raw` is the line of the source as it came: large, and nobody has looked whether it holds secrets.
_DROPPED = frozenset({"__type", "output", "raw"})

_MAX_FIELDS = 512
_MAX_DOTS = 4
_MAX_PARENT_CHARS = 128

_OF_EVENTS = frozenset({"classification", "destination", "source"})


def is_report(message: Mapping[str, object]) -> bool:
    """Whether this is what a collector hands to a parser: the text of a source that nobody has read yet."""
    says_nothing = _OF_EVENTS.isdisjoint(name.partition(".")[0] for name in message)
    return "raw" in message and message.get("__type", "Report") == "Report" and says_nothing


def flat(event: Mapping[str, object], findings: Findings) -> dict[str, str]:
    """What an event says, under IntelMQ's own names, without secrets in URLs; what says nothing is left out."""
    members = list(islice(_members(_with_extra(event, findings)), _MAX_FIELDS + 1))
    if len(members) > _MAX_FIELDS:
        findings.reject("", "too-many-fields", f"the event has more than the {_MAX_FIELDS} fields that are read")
        return {}
    texts = {name: _cleaned(as_text(value, name, findings)) for name, value in members}
    return {name: text for name, text in texts.items() if text}


def _with_extra(event: Mapping[str, object], findings: Findings) -> Mapping[str, object]:
    """The event with `extra` as an object, where it is one in a text, as IntelMQ before 1.1 wrote it."""
    text = event.get("extra")
    if not isinstance(text, str):
        return event
    extra = decoded(RawValue(findings.line, text.encode()))
    if not isinstance(extra, dict):
        findings.warn("extra", "value-discarded", "the text is no JSON object")
        return {**event, "extra": None}
    return {**event, "extra": extra}


def _members(members: Mapping[str, object], where: str = "") -> Iterator[tuple[str, object]]:
    for member, value in members.items():
        name = f"{where}{member}"
        if name in _DROPPED:
            continue
        if isinstance(value, dict) and len(name) <= _MAX_PARENT_CHARS and name.count(".") < _MAX_DOTS:
            yield from _members(value, f"{name}.")
        else:
            yield name, value


def _cleaned(text: str) -> str:
    return without_url_secrets(plain(text, MAX_RECORD_BYTES, lines=True))
