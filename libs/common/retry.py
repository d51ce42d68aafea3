"""How long to wait before the next try: doubling, with full jitter, so that a crowd does not come back at once."""

import random


class Backoff:
    """Pauses between tries. `reset` after a success."""

    def __init__(self, *, shortest_seconds: float = 0.1, longest_seconds: float = 30.0) -> None:
        self._shortest = shortest_seconds
        self._longest = longest_seconds
        self._tries = 0

    def next_seconds(self) -> float:
        """Between the shortest pause and twice the previous ceiling, never over the longest."""
        ceiling = min(self._longest, self._shortest * 2.0 ** min(self._tries, 32))
        self._tries += 1
        return random.uniform(self._shortest, max(self._shortest, ceiling))  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        self._tries = 0
