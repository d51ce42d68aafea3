"""Attack all APIs for some minutes, with another seed each round; exit code 1 when an answer was not as it must be."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from deploy.local.layout import SERVICES
from tests.fuzz.apis.attack import ATTACKERS, Findings, Force, attack
from tests.fuzz.apis.ground import ground

EXAMPLES, CHAINS = 30, 20
SECONDS_OF_AN_ATTACK = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.apis", description="Attacks all APIs of a new system.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--service", choices=SERVICES, action="append", help="only this one; may be given twice")
    chosen = parser.parse_args()
    attackers = [each for each in ATTACKERS if each.service in (chosen.service or SERVICES)]
    findings, seed = Findings(), chosen.seed
    with tempfile.TemporaryDirectory() as folder, ground(Path(folder) / "system") as endpoints:
        until = time.monotonic() + 60 * chosen.minutes
        while (left := until - time.monotonic()) > 0:
            for attacker in attackers:
                seconds = min(SECONDS_OF_AN_ATTACK, max(1, round(left)))
                force = Force(seed, EXAMPLES, CHAINS, seconds, boundaries=True, oddities=True)
                attack(endpoints, attacker, force, findings)
            seed += 1
    sys.stdout.write(f"seeds {chosen.seed} to {seed - 1}: {findings.told()}\n")
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main())
