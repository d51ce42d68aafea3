"""A short run of `python -m tests.fuzz`, the same each time."""

import random

from tests.fuzz.mutations import Findings, try_one


def test_mutated_payloads_are_read_or_refused() -> None:
    findings, chance = Findings(), random.Random(6)
    for _ in range(3_000):
        try_one(chance, findings)

    assert not findings.escaped, findings.told()
    assert findings.answers["read"] > 100
