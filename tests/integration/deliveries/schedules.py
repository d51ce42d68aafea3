"""Ways in which the same events can come: each at least once, and otherwise as Kafka may bring them, or worse."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from libs.common.contracts import Event

MOST_ROUNDS = 12
EXAMPLES_VARIABLE = "TOCSIN_MODEL_EXAMPLES"


def examples(number: int) -> settings:
    """The same ones at every run, unless a person asks for so many others, chosen at random."""
    wanted = int(os.environ.get(EXAMPLES_VARIABLE, "0"))
    return settings(
        max_examples=wanted or number,
        derandomize=not wanted,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],  # of a busy machine
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that come at once, so long after the rig's `now`.

    `is_lost`: the service dies after it has stored what follows from them, and before it says anything.
    """

    events: Sequence[Event]
    is_lost: bool = False
    later: timedelta = timedelta(0)


Batches = list[Batch]


@st.composite
def in_any_order(draw: st.DrawFn, events: Sequence[Event]) -> Batches:
    """Worse than Kafka: all events, some of them several times, in any order, cut into batches anywhere.

    All that is in a batch that is lost comes once more after it.
    """
    some = st.lists(st.sampled_from(events), min_size=1, max_size=len(events))
    lost = [Batch(batch, is_lost=True) for batch in draw(st.lists(some, max_size=2))]
    shuffled = draw(st.permutations([*events, *draw(some)]))
    cuts = [0, *sorted(draw(st.sets(st.integers(1, len(shuffled) - 1), max_size=4))), len(shuffled)]
    return lost + [Batch(shuffled[start:end]) for start, end in pairwise(cuts)]


@st.composite
def as_kafka_may(draw: st.DrawFn, partitions: Sequence[Sequence[Event]]) -> Batches:
    """Each partition in its order. A batch whose offsets were not committed comes again, cut in another way."""
    committed = [0] * len(partitions)
    batches: Batches = []
    while any(offset < len(events) for offset, events in zip(committed, partitions, strict=True)):
        is_last = len(batches) == MOST_ROUNDS
        read = [
            len(events) if is_last else draw(st.integers(offset, len(events)))
            for offset, events in zip(committed, partitions, strict=True)
        ]
        taken = [events[start:end] for events, start, end in zip(partitions, committed, read, strict=True)]
        is_committed = is_last or draw(st.booleans())
        is_lost = not is_committed and draw(st.booleans())
        batches.append(Batch([event for events in draw(st.permutations(taken)) for event in events], is_lost))
        if is_committed:
            committed = read
    return batches
