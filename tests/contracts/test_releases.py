"""An older and a later release side by side: what each makes of the other's events."""

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from libs.common.contracts import Event, IndicatorSettled
from libs.common.contracts.wire import EVENT_CLASSES, decode, event_tag
from libs.common.dead_letters import Message, held_by_dead_letter
from libs.common.errors import Permanent
from libs.common.vocabulary import Outcome
from tests.contracts.releases import (
    of_a_later_release,
    of_an_older_release,
    of_the_next_version,
    with_an_unknown_word,
)
from tests.unit.verifier.builders import NOW

GOLDEN = Path(__file__).parent / "golden"
TODAYS = [decode(path.read_bytes()) for path in sorted(GOLDEN.glob("*.v1.1.json"))]
ABOUT_A_RECORD = {"raw-indicator.v1", "threat-verified.v1", "target-attributed.v1", "indicator-settled.v1"}

each_event = pytest.mark.parametrize("event", TODAYS, ids=lambda event: event_tag(type(event)))


def words_of(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where in an event there are words from a closed list."""
    if isinstance(value, Enum):
        yield path
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from words_of(getattr(value, name), (*path, name))


def held_behind(value: bytes) -> list[IndicatorSettled]:
    message = Message(topic="any", partition=0, offset=0, at=NOW, key=b"", value=value, headers=())
    return held_by_dead_letter(message, service="test")


@each_event
def test_what_an_older_release_leaves_out_has_its_default(event: Event) -> None:
    older = of_an_older_release(event)

    read = decode(older)

    assert (read.event_id, read.key) == (event.event_id, event.key)
    assert decode((GOLDEN / f"{event_tag(type(event))}.0.json").read_bytes()) == read


@each_event
def test_what_a_later_release_says_beyond_us_is_passed_over_at_any_depth(event: Event) -> None:
    later = of_a_later_release(event)
    assert b"field_of_tomorrow" in later
    assert decode(later) == event


@each_event
def test_a_version_that_we_do_not_read_is_put_aside_by_its_name(event: Event) -> None:
    tag = event_tag(type(event))
    with pytest.raises(Permanent, match=rf"{tag.removesuffix('1')}2; it reads {tag}$"):
        decode(of_the_next_version(event))


def test_an_event_that_we_have_never_heard_of_is_put_aside_by_its_name() -> None:
    with pytest.raises(Permanent, match=r"reads: moon-risen\.v7$"):
        decode(b'{"event": "moon-risen.v7"}')


@pytest.mark.parametrize(
    ("event", "path"),
    [
        pytest.param(event, path, id=f"{event_tag(type(event))}:{'.'.join(path)}")
        for event in TODAYS
        for path in words_of(event)
    ],
)
def test_a_word_that_its_list_does_not_have_is_put_aside_with_its_place(event: Event, path: tuple[str, ...]) -> None:
    tag, place = event_tag(type(event)), ".".join(path)
    with pytest.raises(Permanent, match=rf"^not a sound {tag}: .*'word-of-tomorrow'.*\$\.{place}"):
        decode(with_an_unknown_word(event, path))


def test_every_event_about_a_record_says_in_the_same_fields_which_one() -> None:
    found = {}
    for event_class in EVENT_CLASSES:
        types = {field.name: field.type for field in msgspec.structs.fields(event_class) if field.required}
        found[event_tag(event_class)] = (types.get("indicator_id"), types.get("submission_id"), types.get("record"))
    assert {tag for tag, types in found.items() if types == (UUID, UUID, int)} == ABOUT_A_RECORD, (
        "an operator must find the record behind a dead letter of any version (decision 2)"
    )
    assert {types for tag, types in found.items() if tag not in ABOUT_A_RECORD} == {(None, None, None)}


@each_event
def test_the_record_behind_an_event_of_another_version_is_held(event: Event) -> None:
    value = of_the_next_version(event)

    held = held_behind(value)

    assert len(held) == (event_tag(type(event)) in ABOUT_A_RECORD)
    for settled in held:
        said = json.loads(value)
        assert (str(settled.indicator_id), str(settled.submission_id), settled.record, settled.traceparent) == (
            said["indicator_id"],
            said["submission_id"],
            said["record"],
            said["traceparent"],
        )
        assert (settled.outcome, settled.reason, settled.by) == (Outcome.HELD, "dead-letter", "test")
        assert settled.at == NOW


def test_no_outcome_follows_from_an_outcome_that_could_be_read() -> None:
    (outcome,) = (event for event in TODAYS if isinstance(event, IndicatorSettled))
    assert held_behind(msgspec.json.encode(outcome)) == []


@pytest.mark.parametrize("poison", [b"", b"\xff", b"[" * 100_000, b"{}", b'{"event": "raw-indicator.v2", "record": 1}'])
def test_nothing_follows_from_what_names_no_record(poison: bytes) -> None:
    assert held_behind(poison) == []
