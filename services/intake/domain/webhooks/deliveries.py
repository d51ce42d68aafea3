"""A webhook, what is to be told through it, and what an attempt comes to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

SETTLED = "submission.settled"
PING = "ping"

COLLECTED_FOR = timedelta(seconds=10)
"""A settled submission whose records a person decides on changes in many batches; one event tells of those together."""

PATIENCE = timedelta(days=3)
"""For so long an event is tried again, and a webhook may fail."""

GONE = 410
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 6 * 3600.0
PAUSES_GROW = 4.0


class State(StrEnum):
    """`waiting` for its time, `sending`, or ended as one of the other two."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


class Disabled(StrEnum):
    """Why nothing is sent to a webhook."""

    FAILING = "failing"
    GONE = "gone"
    ON_REQUEST = "on-request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where a partner wants to be told. The secrets stay in the table."""

    partner_id: UUID
    url: str
    disabled: Disabled | None
    failing_since: datetime | None
    succeeded_at: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook. `sequence` counts the events of a submission."""

    id: UUID
    partner_id: UUID
    event: str
    submission_id: UUID | None
    sequence: int
    state: State
    attempts: int
    created_at: datetime
    due_at: datetime
    give_up_at: datetime
    attempted_at: datetime | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that is ours to attempt, with all that it takes. What is written of it names the lease."""

    delivery: Delivery
    lease: UUID
    url: str
    secrets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: a status, or a word for why there is none. Never what stood in its answer."""

    status: int | None = None
    error: str | None = None

    @property
    def is_yes(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def trouble(self) -> str | None:
        """What partners read of a failure."""
        if self.status is None or self.is_yes:
            return self.error
        return "redirect" if 300 <= self.status < 400 else "status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """An attempt that is over, and what follows: the delivery's new state, and when it is due if that is `waiting`."""

    claimed: Claimed
    answer: Answer
    state: State
    due_at: datetime


def attempted(claimed: Claimed, answer: Answer, *, now: datetime, chance: float) -> Attempted:
    """What follows from an answer. A ping is tried once; `chance`, from 0 to 1, spreads the others."""
    delivery = claimed.delivery
    due_at = now + pause(delivery.attempts, chance=chance)
    is_over = delivery.event == PING or answer.status == GONE or due_at > delivery.give_up_at
    state = State.DELIVERED if answer.is_yes else State.GIVEN_UP if is_over else State.WAITING
    return Attempted(claimed=claimed, answer=answer, state=state, due_at=due_at)


def pause(attempts: int, *, chance: float) -> timedelta:
    """Until the next try: 5 s, 20 s, 80 s and so on up to six hours, a fifth more or less."""
    seconds = min(FIRST_PAUSE_SECONDS * PAUSES_GROW ** min(attempts - 1, 16), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=seconds * (0.8 + 0.4 * chance))
