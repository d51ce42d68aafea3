"""IntelMQ at work: Redis and a row of bots that live as long as a block, and what passes through them."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.peer_intelmq.configuration import BOTS, REPORT_TYPE, Bot, Home
from bench.peer_intelmq.installation import Installation
from bench.peer_intelmq.redis import Redis
from deploy.local.complaints import Complaint

QUEUES_DATABASE = b"2"
STARTED_WITHIN_SECONDS = 60
STALLED_AFTER_SECONDS = 60
SECONDS_BETWEEN_LOOKS = 0.05
STOPPED_WITHIN_SECONDS = 10

# As a library: its command refuses to run as root unless there is an account called intelmq. The loop is the same.
RUN_BOT = "import sys, importlib; importlib.import_module(sys.argv[1]).BOT(sys.argv[2]).start()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Bots that wait for work. `pids` by name, Redis among them."""

    home: Home
    processes: Mapping[str, subprocess.Popen[bytes]]

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.processes.items()}

    def push(self, *messages: bytes) -> None:
        """Put reports or events, encoded as IntelMQ does, into the queue of the first bot."""
        with Redis(self.home.redis_socket) as redis:
            redis.ask(b"SELECT", QUEUES_DATABASE)
            redis.ask(b"LPUSH", self.home.bots[0].queue.encode(), *messages)

    def wait_for_events(self, wanted: int) -> None:
        """Until so many events are in the file. Raises `Complaint` if none comes for a minute, or too many do."""
        written, progress = 0, time.monotonic()
        with self.home.events.open("rb") as file:
            while written < wanted:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                new = file.read().count(b"\n")
                if new:
                    written, progress = written + new, time.monotonic()
                elif time.monotonic() - progress > STALLED_AFTER_SECONDS:
                    raise Complaint(f"IntelMQ has written {written} of {wanted} events.\n{self.complaints()}")
        if written > wanted:
            raise Complaint(f"IntelMQ has written {written} events, {wanted} were expected.")

    def complaints(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.home.logs.iterdir()))

    def wait_until_ready(self) -> None:
        """Until each bot waits at its queue."""
        _until(self.home.redis_socket.exists, complaints=self.complaints)
        with Redis(self.home.redis_socket) as redis:
            waiting = b"blocked_clients:%d\r\n" % len(self.home.bots)
            _until(lambda: waiting in redis.ask(b"INFO", b"clients"), complaints=self.complaints)


def encode_report(payload: bytes, *, now: datetime) -> bytes:
    """A feed as IntelMQ's collectors hand it on. The parser goes by the file's name."""
    report = {
        "__type": "Report",
        "feed.name": "bench",
        "time.observation": now.astimezone(UTC).isoformat(timespec="seconds"),
        "extra.file_name": f"{now:%Y-%m-%d}-{REPORT_TYPE}-bench.csv",
        "raw": base64.b64encode(payload).decode(),
    }
    return json.dumps(report).encode()


@contextmanager
def running_pipeline(found: Installation, *, root: Path, bots: Sequence[Bot] = BOTS) -> Iterator[Pipeline]:
    """In a folder of its own, which has to be empty; stopped at the end."""
    home = Home(root, bots)
    home.furnish(found.harmonization)
    with ExitStack() as stack:
        commands = {"redis": _redis(found, home), **{bot.name: _bot(found, bot) for bot in bots}}
        processes = {name: stack.enter_context(_process(command, home)) for name, command in commands.items()}
        pipeline = Pipeline(home=home, processes=processes)
        pipeline.wait_until_ready()
        yield pipeline


def _redis(found: Installation, home: Home) -> Sequence[str]:
    """Nothing kept on disk, nobody but us."""
    listening = ("--port", "0", "--unixsocket", str(home.redis_socket))
    return (found.redis_server, *listening, "--save", "", "--appendonly", "no", "--dir", str(home.root))


def _bot(found: Installation, bot: Bot) -> Sequence[str]:
    return (str(found.python), "-W", "ignore", "-c", RUN_BOT, bot.module, bot.name)


@contextmanager
def _process(command: Sequence[str], home: Home) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "INTELMQ_ROOT_DIR": str(home.root)}
    with (home.logs / "output").open("ab") as output:
        process = subprocess.Popen(command, env=environment, cwd=home.root, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(condition: Callable[[], bool], *, complaints: Callable[[], str]) -> None:
    until = time.monotonic() + STARTED_WITHIN_SECONDS
    while not condition():
        if time.monotonic() > until:
            raise Complaint(f"IntelMQ is not ready after {STARTED_WITHIN_SECONDS} s.\n{complaints()}")
        time.sleep(SECONDS_BETWEEN_LOOKS)
