"""Runs with one seed after another, for hours: `python -m tests.chaos.long HOURS`.

    python -m tests.chaos.long 2 --records 100000 --seconds 120   # two hours of long runs
    python -m tests.chaos.long --runs 200 --records 3000 --seconds 10 --in-a-row 20   # a sweep of short ones
    python -m tests.chaos.long --seed 4711   # that run once more
    python -m tests.chaos.long --seed 4711 --as-benchmarked   # with batches as large as those that `bench` measures

The first run that is not sound ends it with exit code 1, and leaves its folder for whoever looks into it.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from tests.chaos.arena import SMALL_BATCHES, arena, clear_away
from tests.chaos.owners import OWNERS
from tests.chaos.plan import plan_of
from tests.chaos.run import Trial, Verdict, said


def _seeds(given: argparse.Namespace) -> Iterator[int]:
    if given.seed is not None:
        yield given.seed
        return
    until = time.monotonic() + given.hours * 3600
    made = 0
    while made < given.runs if given.runs else time.monotonic() < until:
        yield secrets.randbelow(10**6)
        made += 1


async def _bear(row: Sequence[int], given: argparse.Namespace, *, home: Path) -> Sequence[Verdict]:
    """All runs of one system, or those until the first that is not sound."""
    verdicts: list[Verdict] = []
    settings = {} if given.as_benchmarked else SMALL_BATCHES
    async with arena(home, settings=settings, owners=OWNERS) as made:
        trial = Trial(made)
        for seed in row:
            verdict = await trial.bear(plan_of(seed, seconds=given.seconds), records=given.records)
            verdicts.append(verdict)
            sys.stdout.write(f"{verdict}\n\n")
            sys.stdout.flush()
            if verdict.wrong:
                break
    return verdicts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Chaos for hours, or one seed once.")
    parser.add_argument("hours", type=float, nargs="?", default=1.0)
    parser.add_argument("--runs", type=int, help="this many runs, however long they take")
    parser.add_argument("--seed", type=int, help="this run only")
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each run is under blows")
    parser.add_argument("--in-a-row", type=int, default=1, help="runs that one system bears before it is a new one")
    parser.add_argument("--as-benchmarked", action="store_true", help="batches of the size that they have by default")
    return parser.parse_args()


def main() -> int:
    given = _arguments()
    seeds = _seeds(given)
    runs, totals = 0, defaultdict[str, Counter[str]](Counter)
    while row := list(islice(seeds, given.in_a_row)):
        home = Path(tempfile.mkdtemp(prefix="tocsin-chaos-"))
        last = asyncio.run(_bear(row, given, home=home))[-1]
        if last.wrong:
            batches = " --as-benchmarked" if given.as_benchmarked else ""
            again = f"--seed {last.plan.seed} --records {given.records} --seconds {given.seconds:g}"
            sys.stdout.write(f"Its folder is {home}; again: python -m tests.chaos.long {again}{batches}\n")
            return 1
        clear_away(home)
        runs += len(row)
        for what, found in last.counts.items():
            totals[what] += found
    sys.stdout.write(f"{runs} runs, all sound\n{said(totals)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
