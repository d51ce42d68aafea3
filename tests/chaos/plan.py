"""What happens to the system in one run: everything follows from the seed, so that a seed names a run."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from libs.common.faults import AT_INTAKE, AT_NOTIFIER, EVERYWHERE, FAULTS, Kind, Point

SERVICES = ("intake", "verifier", "attribution", "notifier", "feedback")
BEYOND_A_SESSION_SECONDS = (16.0, 20.0)
"""How long a consumer stands still whose partitions another one is to have taken meanwhile, and worked on."""
BEYOND_A_LEASE_SECONDS = (19.0, 24.0)
"""How long a sender stands still whose claimed mails another one is to have taken meanwhile."""

OUTBOX_USERS = ("notifier",)
"""The others write to their outbox only when a person does something, which nobody does here."""

PASSES: Mapping[Point, int] = {
    **dict.fromkeys(Point, 80),
    Point.TRANSACTION: 1000,
    Point.TRANSACTION_OPEN: 1000,
    Point.CLOCK_READ: 300,
    Point.PAYLOAD_DRAFTED: 10,
    Point.PAYLOAD_WRITTEN: 10,
    Point.PAYLOAD_KEPT: 10,
    Point.SUBMISSION_STORED: 10,
    Point.SUBMISSION_FINISHED: 10,
    Point.WEBHOOK_ANSWERED: 10,
    Point.SLICE_STORED: 40,
    Point.SLICE_PUBLISHED: 40,
    Point.MAIL_ADDRESSED: 500,
    Point.MAIL_ANSWERED: 500,
}
"""How often a point is passed in a run, roughly: what makes a chance out of a wanted number of strikes."""

AFTER_THE_FROST_SECONDS = 4.0
"""How long the other one stays when the frozen one goes on with what it had in hand."""

SLOW_BATCH = "slow-transaction"
CRASHES = (Kind.CRASH, Kind.CRASH_SOON)
BREAKS = (Kind.NO_ROOM, Kind.CUT, Kind.HALF_CLOSE, Kind.CLOCK_JUMP, Kind.CLOCK_SLIP)
"""No `SILENCE`: it lasts until a statement's time limit, which is longer than most runs."""


class Act(StrEnum):
    """What is done to a part. `pause`: SIGSTOP, then SIGCONT. `join`: a second replica, which dies by `kill -9`."""

    KILL = "kill"
    PAUSE = "pause"
    RESTART = "restart"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Blow:
    """Done `at_seconds` after the feed began; `seconds` is how long a pause or a replica lasts."""

    at_seconds: float
    act: Act
    part: str
    seconds: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at_seconds:6.1f} s  {self.act} {self.part}{lasting}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The blows in the order of their times, the faults of each service, and how the relay misbehaves."""

    seed: int
    seconds: float
    blows: Sequence[Blow]
    faults: Mapping[str, str]
    relay_rate: float

    def __str__(self) -> str:
        faults = (f"{service}: {faults}" for service, faults in self.faults.items())
        return "\n".join((f"seed {self.seed}", *map(str, self.blows), *faults, f"relay: {self.relay_rate}"))


def plan_of(seed: int, *, seconds: float) -> Plan:
    """Blows to every part, spread over the time; the broker and the database get theirs more rarely."""
    chance = random.Random(seed)
    blows = [
        *(blow for service in SERVICES for blow in _blows(chance, service, seconds, every=15.0, longest_pause=12.0)),
        *_blows(chance, "mail", seconds, every=15.0, longest_pause=4.0),
        *_blows(chance, "postgres", seconds, every=30.0, longest_pause=4.0),
        *_blows(chance, "kafka", seconds, every=40.0, longest_pause=6.0),
        *(_join(chance, seconds) for _ in range(max(1, round(seconds / 20)))),
        *_frozen_in_turn(chance, seconds),
    ]
    return Plan(
        seed=seed,
        seconds=seconds,
        blows=sorted(blows, key=lambda blow: blow.at_seconds),
        faults={service: _faults(chance, service) for service in SERVICES},
        relay_rate=chance.choice((0.02, 0.05, 0.05, 0.2)),
    )


def _blows(chance: random.Random, part: str, seconds: float, *, every: float, longest_pause: float) -> Iterator[Blow]:
    """One somewhere in each span of time: two at once would not let the part get as far as it could be hit."""
    for number in range(max(1, round(seconds / every))):
        act = chance.choices((Act.KILL, Act.PAUSE, Act.RESTART), weights=(6, 3, 1))[0]
        pause = chance.uniform(0.3, longest_pause) if act is Act.PAUSE else 0.0
        yield Blow(min(seconds, every) * (number + chance.random()), act, part, pause)


def _join(chance: random.Random, seconds: float) -> Blow:
    """A second replica for a while, so that partitions change hands."""
    return Blow(chance.uniform(0, seconds * 0.7), Act.JOIN, chance.choice(SERVICES), chance.uniform(5, 5 + seconds / 3))


def _frozen_in_turn(chance: random.Random, seconds: float) -> Iterator[Blow]:
    """As many as there is time for: a service stands still with work in hand, another takes it over, and it goes on."""
    start = 0.0
    for service in chance.sample(SERVICES, k=len(SERVICES)):
        beyond = BEYOND_A_LEASE_SECONDS if service == "notifier" else BEYOND_A_SESSION_SECONDS
        pause, before = chance.uniform(*beyond), chance.uniform(2, 6)
        if start + before + pause > seconds:
            return
        yield Blow(start, Act.JOIN, service, before + pause + AFTER_THE_FROST_SECONDS)
        yield Blow(start + before, Act.PAUSE, service, pause)
        start += before + pause


def _faults(chance: random.Random, service: str) -> str:
    """Two crash points, two stalls, a refusal and a break, each likely enough to strike now and then in a run.

    One stall is that of a batch which is stored and not committed: who is paused then, and goes on when another replica
    has done the same, is what the keys of the rows are for. Nobody outside is asked in a run, so attribution has
    no faults of its own here.
    """
    names = [
        *(name for name, fault in EVERYWHERE.items() if service in OUTBOX_USERS or "outbox" not in fault.point),
        *{"intake": AT_INTAKE, "notifier": AT_NOTIFIER}.get(service, {}),
    ]

    def of(*kinds: Kind) -> list[str]:
        return [name for name in names if FAULTS[name].kind in kinds]

    chosen = [
        *((name, chance.uniform(1, 3)) for name in chance.sample(of(*CRASHES), k=2)),
        (SLOW_BATCH, chance.uniform(12, 24)),
        (chance.choice([name for name in of(Kind.STALL) if name != SLOW_BATCH]), chance.uniform(2, 8)),
        (chance.choice(of(Kind.REFUSAL)), chance.uniform(2, 8)),
        (chance.choice(of(*BREAKS)), chance.uniform(2, 8)),
    ]
    return ",".join(f"{name}:{min(0.3, strikes / PASSES[FAULTS[name].point]):.4f}" for name, strikes in chosen)
