"""Run for some minutes; exit code 1 when anything but records or a refusal came out."""

import argparse
import random
import sys
import time

from tests.fuzz.mutations import Findings, try_one


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Sends mutated payloads through intake.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    chosen = parser.parse_args()
    findings = Findings()
    chance = random.Random(chosen.seed)
    until = time.monotonic() + 60 * chosen.minutes
    while time.monotonic() < until:
        try_one(chance, findings)
    sys.stdout.write(f"seed {chosen.seed}: {findings.told()}\n")
    return 1 if findings.escaped else 0


if __name__ == "__main__":
    sys.exit(main())
