"""Time of day is read in one place, so that a wrong clock is a fault that can be tried out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CLOCK = PROJECT / "libs" / "common" / "clock.py"

OF_THE_MACHINE = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}


def readings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in OF_THE_MACHINE:
                yield f"{path.relative_to(PROJECT)}:{node.lineno} reads {owner}.{name}"


def test_only_the_clock_reads_the_clock() -> None:
    sources = [path for folder in ("libs", "services") for path in (PROJECT / folder).rglob("*.py") if path != CLOCK]
    found = [reading for path in sources for reading in readings(path)]
    assert not found, "what is decided or stored takes its time from Database.now, the rest from libs/common/clock.py"


def test_what_a_database_is_at_hand_for_takes_its_time_from_there() -> None:
    """The clock of this machine is left for what no other replica ever compares with its own."""
    users = {
        str(path.relative_to(PROJECT))
        for folder in ("libs", "services")
        for path in (PROJECT / folder).rglob("*.py")
        if re.search(r"(?<![\w.])clock\.now\(\)", path.read_text())
    }
    assert users == {
        "libs/common/publisher.py",  # the time of an event's sending, for people who look at a topic
        "services/feedback/api/turns.py",  # an allowance, which each replica keeps for itself
        "services/intake/gateway/pushing.py",  # how long until a moment that intake named, on a partner's machine
        "services/notifier/api/previews.py",  # the date of a mail that nobody sends
    }
