"""Runs with one seed after another, for hours: `python -m tests.chaos.long HOURS`.

    python -m tests.chaos.long 2 --records 100000 --seconds 120   # two hours of long runs
    python -m tests.chaos.long --runs 200 --records 3000 --seconds 10   # a sweep of short ones
    python -m tests.chaos.long --seed 4711   # that run once more

The first run that is not sound ends it with exit code 1, and leaves its folder for whoever looks into it.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.arena import clear_away
from tests.chaos.plan import plan_of
from tests.chaos.run import run


def _seeds(given: argparse.Namespace) -> Iterator[int]:
    if given.seed is not None:
        yield given.seed
        return
    until = time.monotonic() + given.hours * 3600
    made = 0
    while made < given.runs if given.runs else time.monotonic() < until:
        yield secrets.randbelow(10**6)
        made += 1


def _is_sound(seed: int, *, records: int, seconds: float) -> bool:
    home = Path(tempfile.mkdtemp(prefix=f"tocsin-chaos-{seed}-"))
    verdict = asyncio.run(run(plan_of(seed, seconds=seconds), records=records, home=home))
    sys.stdout.write(f"{verdict}\n\n")
    sys.stdout.flush()
    if verdict.wrong:
        sys.stdout.write(f"Its folder is {home}; again: python -m tests.chaos.long --seed {seed}\n")
        return False
    clear_away(home)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Chaos for hours, or one seed once.")
    parser.add_argument("hours", type=float, nargs="?", default=1.0)
    parser.add_argument("--runs", type=int, help="this many runs, however long they take")
    parser.add_argument("--seed", type=int, help="this run only")
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each run is under blows")
    given = parser.parse_args()
    sound = 0
    for seed in _seeds(given):
        if not _is_sound(seed, records=given.records, seconds=given.seconds):
            return 1
        sound += 1
    sys.stdout.write(f"{sound} runs, all sound\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
