"""How senders are to die, one after another: a pure list that follows from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from libs.common.faults import AT_NOTIFIER, EVERYWHERE, Fault, Kind, Point

NAMED_DEATHS = [
    fault for fault in (*AT_NOTIFIER.values(), *EVERYWHERE.values()) if fault.kind in (Kind.CRASH, Kind.CRASH_SOON)
]
WITH_AN_ANSWER = "crash-after-data"
AT_RANDOM_EVERY = 4
"""So many deaths later there is one again that no point has named."""

FOR_EACH_MAIL = frozenset({Point.MAIL_ADDRESSED, Point.MAIL_ANSWERED})
ONCE_A_LIFE = frozenset(
    {
        *(Point.BATCH_HANDLED, Point.BATCH_COMMITTED, Point.BATCH_PUBLISHED, Point.OFFSETS_COMMITTED),
        *(Point.GROUPS_MADE, Point.GROUPS_COMMITTED),
    }
)
"""Where a sender comes by while it takes in what is new, which it does in one go."""

MAILS_BETWEEN_ANSWERS = 20
LINGERS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Death:
    """How one sender is to die: at a fault, wherever that strikes; else so long after it has begun so many mails, all
    of a claim at once.
    """

    fault: str
    chance: float
    seed: int
    attempts: int
    linger_seconds: float

    @property
    def faults(self) -> str:
        """As the setting has it."""
        return f"{self.fault}:{self.chance:.4f}" if self.fault else ""


def deaths_of(seed: int, *, mails: int, deaths: int) -> Iterator[Death]:
    """Each name comes up once before one does again; first the one that always leads to a second copy. All deaths
    together come before the last mail.
    """
    chance, share = random.Random(seed), share_of_a_life(mails=mails, deaths=deaths)
    names = sorted(chance.sample(NAMED_DEATHS, k=len(NAMED_DEATHS)), key=lambda fault: fault.name != WITH_AN_ANSWER)
    named = 0
    for number in range(deaths):
        attempts, linger_seconds = chance.randint(1, share), chance.uniform(0, LINGERS_SECONDS)
        if number % AT_RANDOM_EVERY == 0:
            yield Death("", 0.0, seed + number, attempts, linger_seconds)
        else:
            fault = names[named % len(names)]
            named += 1
            yield Death(fault.name, _chance_of(fault, attempts), seed + number, attempts, 0.0)


def share_of_a_life(*, mails: int, deaths: int) -> int:
    """How many mails there are for each life, the one that nobody ends among them."""
    return max(1, mails // (deaths + 1))


def _chance_of(fault: Fault, attempts: int) -> float:
    """So that it strikes after about so many mails, on the average."""
    if fault.point in ONCE_A_LIFE:
        return 1.0
    return 1 / (attempts if fault.point in FOR_EACH_MAIL else 1 + attempts // MAILS_BETWEEN_ANSWERS)
