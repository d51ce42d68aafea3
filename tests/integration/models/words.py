"""What can come on a topic, and what may then be said, stored and put aside: the model of the loop and the outbox."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from aiokafka.structs import ConsumerRecord

from libs.common.contracts import Asset, Indicator, IndicatorSettled, RawIndicator
from libs.common.contracts.wire import encode
from libs.common.ids import derived_id, record_id
from libs.common.vocabulary import Outcome, Reliability
from tests.integration.models.pipeline import CURSED, word_on

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What can come on a topic. `AGAIN`: what was put before, so also an older event after a newer one."""

    NEW = "new"
    AGAIN = "again"
    CURSED = "cursed"
    POISON = "poison"


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is: said, stored (with the word that each row gave), and put aside."""

    said: Sequence[IndicatorSettled]
    decisions: Sequence[tuple[UUID, str]]
    letters: Sequence[ConsumerRecord]


class Model:
    """What was put, and what was written beside a state that was kept."""

    def __init__(self) -> None:
        self.heard: list[RawIndicator] = []
        """An event stands here as often as it was put."""
        self.written: list[IndicatorSettled] = []
        self._unhandled: dict[str, bytes] = {}
        """By where it lies."""

    def put(self, event: RawIndicator | None, *, value: bytes, place: str) -> None:
        """No event: it can't be read."""
        if event is None or is_cursed(event):
            self._unhandled[place] = value
        if event is not None:
            self.heard.append(event)

    def check(self, seen: Seen, *, is_over: bool) -> None:
        """Nothing there that may not be; and nothing missing, once all is over."""
        due = {word.event_id: word for word in (*map(word_due, self.heard), *self.written)}
        _check_words(seen.said, due=due, decisions=dict(seen.decisions))
        assert not is_over or {word.event_id for word in seen.said} == due.keys(), "all that is due is said"

        decided = [indicator_id for indicator_id, _ in seen.decisions]
        handled = {event.indicator_id for event in self.heard if not is_cursed(event)}
        assert len(decided) == len(set(decided)), "there is one row for each"
        assert set(decided) <= handled
        assert not is_over or set(decided) == handled, "all that can be handled is stored"

        aside = _origins(seen.letters).keys()
        assert aside <= self._unhandled.items(), "nothing is put aside that can be handled"
        assert not is_over or aside == self._unhandled.items()

    def check_loop_repeats_nothing(self, seen: Seen) -> None:
        due = Counter(word.event_id for word in (*map(word_due, self.heard), *self.written))
        assert Counter(word.event_id for word in seen.said) <= due
        assert set(_origins(seen.letters).values()) <= {1}

    def check_outbox_repeats_nothing(self, seen: Seen) -> None:
        said = Counter(word.event_id for word in seen.said)
        assert all(said[word.event_id] <= 1 for word in self.written)


def _check_words(
    said: Iterable[IndicatorSettled], *, due: Mapping[UUID, IndicatorSettled], decisions: Mapping[UUID, str]
) -> None:
    """Nothing is said that is not due, nothing in two ways, and nothing of one key before what was due earlier."""
    first: dict[UUID, IndicatorSettled] = {}
    for word in said:
        assert word.event_id in due, "nothing follows from what was rolled back"
        assert _content(first.setdefault(word.event_id, word)) == _content(word), "it is said with one voice"
    words = {word.indicator_id: word.message for word in due.values()} | dict(decisions)
    for word in first.values():
        assert word.outcome is Outcome.HELD or word.message == words[word.indicator_id], "which is that of its row"
    for key in {word.key for word in first.values()}:
        order = [word.event_id for word in due.values() if word.key == key]
        found = [word.event_id for word in first.values() if word.key == key]
        assert found == order[: len(found)], f"{key} is told of in order"


def _content(word: IndicatorSettled) -> bytes:
    """Without the span that sent it; and what is put aside again is held again, at another time."""
    at = NOW if word.outcome is Outcome.HELD else word.at
    return encode(msgspec.structs.replace(word, traceparent="", at=at))


def _origins(letters: Iterable[ConsumerRecord]) -> Counter[tuple[str, bytes]]:
    return Counter((dict(letter.headers)["dead_letter_origin"].decode(), letter.value) for letter in letters)


def new_event(key: int, *, number: int, identifier: str = "test") -> RawIndicator:
    submission = derived_id("submission", key)
    return RawIndicator(
        indicator_id=record_id(submission, number),
        submission_id=submission,
        record=number,
        partner="demo",
        reliability=Reliability.B,
        received_at=NOW,
        traceparent=f"00-{number:032x}-{number:016x}-01",
        indicator=Indicator(seen_at=NOW, category="test/test", identifier=identifier, asset=Asset(ip=f"192.0.2.{key}")),
    )


def is_cursed(event: RawIndicator) -> bool:
    return event.indicator.identifier == CURSED


def word_due(event: RawIndicator) -> IndicatorSettled:
    """What follows from an event, as far as it is known before."""
    word = word_on(event, indicator_id=event.indicator_id, at=NOW, message="not decided")
    return msgspec.structs.replace(word, outcome=Outcome.HELD) if is_cursed(event) else word
