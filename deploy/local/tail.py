"""Following log files while they grow."""

import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local.layout import Layout
from deploy.local.process import last_lines

SECONDS_BETWEEN_LOOKS = 0.3


class Tail:
    """What was added to a file since the last look, in whole lines."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        self._path = path
        self._position = path.stat().st_size if from_end else 0

    def new_lines(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            added = file.read()
        complete = added[: added.rfind(b"\n") + 1]
        self._position += len(complete)
        return complete.decode(errors="replace").splitlines()


def follow(layout: Layout, *, only: str | None) -> Iterator[tuple[str, str]]:
    """Log name and line, first the last ones of each log, then all that come, without end."""
    tails: dict[Path, Tail] = {}
    while True:
        for path in sorted(layout.logs.glob(f"{only or '*'}.log")):
            if path not in tails:
                tails[path] = Tail(path, from_end=True)
                yield from ((path.stem, line) for line in last_lines(path))
            yield from ((path.stem, line) for line in tails[path].new_lines())
        time.sleep(SECONDS_BETWEEN_LOOKS)
