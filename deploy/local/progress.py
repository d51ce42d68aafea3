"""Tells a person, at a terminal or in a log, how far the download is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

SECONDS_BETWEEN_LINES = 3


class DownloadProgress:
    """A moving bar on a terminal; elsewhere a line every few seconds."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._task = bar.add_task("Fetching Kafka", total=None, visible=False, megabytes=0.0)
        self._jars = self._done = self._bytes = 0
        self._said = time.monotonic()

    def started(self, *, jars: int) -> None:
        self._jars = jars
        self._bar.update(self._task, total=jars, visible=True)
        self._console.print(f"Fetching Kafka: {jars} files. Once; they are kept for next time.")

    def received(self, byte_count: int) -> None:
        self._bytes += byte_count
        self._tell()

    def finished_one(self) -> None:
        self._done += 1
        self._tell()

    def _tell(self) -> None:
        megabytes = self._bytes / 1e6
        self._bar.update(self._task, completed=self._done, megabytes=megabytes)
        if not self._console.is_terminal and time.monotonic() - self._said > SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self._console.print(f"  {self._done} of {self._jars} files, {megabytes:.0f} MB")


@contextmanager
def download_progress(console: Console) -> Iterator[DownloadProgress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total} files, {task.fields[megabytes]:.1f} MB"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield DownloadProgress(console, bar)
