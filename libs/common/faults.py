"""Named faults: what can go wrong on purpose, and where. Off unless the setting `faults` turns some on.

Tests, drills and the demo use the same names. A point in the code calls `reach`; while nothing is armed that costs one
look at a name. The faults of the mail relay are those of `tests/chaos/relay.py`: they happen at its end of the line.
"""

import asyncio
import os
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import structlog

from libs.common.errors import Fatal, Transient

log = structlog.get_logger(__name__)

CRASHED = 137
"""Exit code of a process that was killed by SIGKILL, as a shell tells it."""

STALL_SECONDS = (0.2, 3.0)
SOON_SECONDS = (0.0, 0.02)


class Kind(StrEnum):
    """How a fault strikes."""

    CRASH = "crash"
    CRASH_SOON = "crash-soon"
    STALL = "stall"
    REFUSAL = "refusal"


class Point(StrEnum):
    """A place in the flow at which a fault can strike; a test holds that the code reaches each of them."""

    TRANSACTION = "transaction"
    BATCH_HANDLED = "batch-handled"
    BATCH_COMMITTED = "batch-committed"
    BATCH_PUBLISHED = "batch-published"
    OFFSETS_COMMITTED = "offsets-committed"
    PUBLISHING = "publishing"
    PUBLISHED_UNCONFIRMED = "published-unconfirmed"
    PUBLISHED = "published"
    OUTBOX_TAKEN = "outbox-taken"
    OUTBOX_PUBLISHED = "outbox-published"
    OUTBOX_DELETED = "outbox-deleted"
    OUTBOX_COMMITTED = "outbox-committed"
    PAYLOAD_DRAFTED = "payload-drafted"
    PAYLOAD_KEPT = "payload-kept"
    SUBMISSION_STORED = "submission-stored"
    SLICE_STORED = "slice-stored"
    SLICE_PUBLISHED = "slice-published"
    SUBMISSION_FINISHED = "submission-finished"
    GROUPS_MADE = "groups-made"
    GROUPS_COMMITTED = "groups-committed"
    CLAIM_MADE = "claim-made"
    CLAIM_COMMITTED = "claim-committed"
    MAIL_ADDRESSED = "mail-addressed"
    MAIL_ANSWERED = "mail-answered"
    ANSWERS_WRITTEN = "answers-written"
    ANSWERS_COMMITTED = "answers-committed"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a point, and in words what that is like; `meaning` completes "the process ..."."""

    name: str
    kind: Kind
    point: Point
    meaning: str


def _by_name(*faults: Fault) -> Mapping[str, Fault]:
    return {fault.name: fault for fault in faults}


EVERYWHERE = _by_name(
    Fault("crash-before-commit", Kind.CRASH, Point.BATCH_HANDLED, "dies with a batch handled and nothing kept"),
    Fault("crash-after-commit", Kind.CRASH, Point.BATCH_COMMITTED, "dies with a batch kept and none of it published"),
    Fault("crash-before-publish", Kind.CRASH, Point.PUBLISHING, "dies before events reach the broker"),
    Fault("crash-within-publish", Kind.CRASH, Point.PUBLISHED_UNCONFIRMED, "dies while the broker is taking events"),
    Fault("crash-after-publish", Kind.CRASH, Point.PUBLISHED, "dies with events confirmed and nothing else done"),
    Fault("crash-before-offsets", Kind.CRASH, Point.BATCH_PUBLISHED, "dies with a batch done, its offsets not moved"),
    Fault("crash-after-offsets", Kind.CRASH, Point.OFFSETS_COMMITTED, "dies between two batches"),
    Fault("crash-outbox-taken", Kind.CRASH, Point.OUTBOX_TAKEN, "dies with the outbox read"),
    Fault("crash-outbox-published", Kind.CRASH, Point.OUTBOX_PUBLISHED, "dies with the outbox published, not emptied"),
    Fault("crash-outbox-deleted", Kind.CRASH, Point.OUTBOX_DELETED, "dies before the emptied outbox is committed"),
    Fault("crash-outbox-committed", Kind.CRASH, Point.OUTBOX_COMMITTED, "dies with the outbox emptied"),
    Fault("slow-database", Kind.STALL, Point.TRANSACTION, "waits for a connection to the database"),
    Fault("slow-transaction", Kind.STALL, Point.BATCH_HANDLED, "keeps a batch's locks for long"),
    Fault("slow-publish", Kind.STALL, Point.PUBLISHING, "waits for the broker"),
    Fault("slow-confirmation", Kind.STALL, Point.PUBLISHED, "hears late that the broker has its events"),
    Fault("slow-offsets", Kind.STALL, Point.BATCH_PUBLISHED, "is late with its offsets"),
    Fault("database-refuses", Kind.REFUSAL, Point.TRANSACTION, "gets no connection to the database"),
    Fault("commit-refused", Kind.REFUSAL, Point.BATCH_HANDLED, "loses the database before a batch is committed"),
    Fault("broker-refuses", Kind.REFUSAL, Point.PUBLISHING, "does not reach the broker"),
    Fault("confirmation-lost", Kind.REFUSAL, Point.PUBLISHED, "does not hear that the broker has its events"),
)
"""What can happen in each service, as all have the same loop, outbox and publisher."""

AT_INTAKE = _by_name(
    Fault("crash-payload-drafted", Kind.CRASH, Point.PAYLOAD_DRAFTED, "dies while a payload comes in"),
    Fault("crash-payload-kept", Kind.CRASH, Point.PAYLOAD_KEPT, "dies with a payload on disk that no row names"),
    Fault("crash-submission-stored", Kind.CRASH, Point.SUBMISSION_STORED, "dies with a submission kept, unanswered"),
    Fault("crash-slice-stored", Kind.CRASH, Point.SLICE_STORED, "dies with records kept and none of them published"),
    Fault("crash-slice-published", Kind.CRASH, Point.SLICE_PUBLISHED, "dies before it notes what it has published"),
    Fault("crash-submission-finished", Kind.CRASH, Point.SUBMISSION_FINISHED, "dies before the partner is answered"),
    Fault("slow-disk", Kind.STALL, Point.PAYLOAD_DRAFTED, "waits for the payload folder"),
    Fault("disk-full", Kind.REFUSAL, Point.PAYLOAD_DRAFTED, "finds no room for a payload"),
)

AT_NOTIFIER = _by_name(
    Fault("crash-groups-made", Kind.CRASH, Point.GROUPS_MADE, "dies with notifications made and not kept"),
    Fault("crash-groups-committed", Kind.CRASH, Point.GROUPS_COMMITTED, "dies with notifications made"),
    Fault("crash-claim-made", Kind.CRASH, Point.CLAIM_MADE, "dies before the intent to send is kept"),
    Fault("crash-claim-committed", Kind.CRASH, Point.CLAIM_COMMITTED, "dies with mails intended and none sent"),
    Fault("crash-before-data", Kind.CRASH, Point.MAIL_ADDRESSED, "dies with a mail addressed and not handed over"),
    Fault("crash-within-data", Kind.CRASH_SOON, Point.MAIL_ADDRESSED, "dies while the relay is taking a mail"),
    Fault("crash-after-data", Kind.CRASH, Point.MAIL_ANSWERED, "dies with the relay's answer not written down"),
    Fault("crash-answers-written", Kind.CRASH, Point.ANSWERS_WRITTEN, "dies before the relay's answers are kept"),
    Fault("crash-answers-committed", Kind.CRASH, Point.ANSWERS_COMMITTED, "dies with the relay's answers kept"),
    Fault("slow-claim", Kind.STALL, Point.CLAIM_COMMITTED, "comes late to what it has claimed"),
    Fault("slow-sending", Kind.STALL, Point.MAIL_ADDRESSED, "pauses within a dialogue with the relay"),
)

FAULTS: Mapping[str, Fault] = {**EVERYWHERE, **AT_INTAKE, **AT_NOTIFIER}


class Armed:
    """The faults that are on, each with its chance at every pass of its point."""

    def __init__(self, chances: Mapping[str, float], *, random_numbers: random.Random) -> None:
        self._random = random_numbers
        self._at: dict[Point, list[tuple[Fault, float]]] = {}
        for name, chance in chances.items():
            self._at.setdefault(FAULTS[name].point, []).append((FAULTS[name], chance))

    async def strike(self, point: Point) -> None:
        for fault, chance in self._at.get(point, ()):
            if self._random.random() < chance:
                log.warning("fault", name=fault.name)
                await self._happen(fault)

    async def _happen(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.CRASH:
                _crash()
            case Kind.CRASH_SOON:
                asyncio.get_running_loop().call_later(self._random.uniform(*SOON_SECONDS), _crash)
            case Kind.STALL:
                await asyncio.sleep(self._random.uniform(*STALL_SECONDS))
            case Kind.REFUSAL:
                raise Transient(f"fault {fault.name}: the process {fault.meaning}")
            case _:
                assert_never(fault.kind)


_armed: Armed | None = None
# The one global switch of this code base: handing it down to every point would put faults into every signature.


async def reach(point: Point) -> None:
    """A point of the flow is reached; whatever is armed there may strike."""
    if _armed is not None:
        await _armed.strike(point)


def arm(faults: str, *, seed: int) -> None:
    """Turn on faults, written `name:chance,name:chance`; nothing for an empty text. `Fatal` for what can't be read.

    Each process draws numbers of its own: with the same ones in every life it would die at the same place for ever.
    """
    global _armed  # noqa: PLW0603 - see above
    chances = chances_of(faults)
    _armed = Armed(chances, random_numbers=random.Random(f"{seed} {os.getpid()}")) if chances else None  # noqa: S311 - no secret
    if chances:
        log.warning("faults are armed: this process fails on purpose", faults=chances, seed=seed)


def chances_of(faults: str) -> dict[str, float]:
    """Read `name:chance,...`; a chance is above 0 and at most 1."""
    return dict(_chance_of(item.strip()) for item in faults.split(",") if item.strip())


def _chance_of(item: str) -> tuple[str, float]:
    name, _, text = item.partition(":")
    try:
        chance = float(text)
    except ValueError:
        chance = 0.0
    if name not in FAULTS or not 0 < chance <= 1:
        raise Fatal(f"`{item}` is no fault with a chance from 0 to 1, such as crash-after-commit:0.01; see {__name__}")
    return name, chance


def _crash() -> None:
    """End as `kill -9` would: nothing is closed, nothing is finished, nothing is said to anybody but the log."""
    sys.stderr.flush()
    os._exit(CRASHED)
