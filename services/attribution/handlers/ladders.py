"""The ladder in force: the files that come with a release, and the operator's own on top of them."""

from importlib.resources import files
from pathlib import Path

import msgspec

from libs.common.errors import Fatal
from services.attribution.domain.ladder import BrokenLadder, Ladder, read_ladder

SHIPPED = ("shipped.toml", "providers.toml")


def shipped_ladder() -> Ladder:
    ladder = Ladder()
    folder = files("services.attribution").joinpath("ladder")
    for name in SHIPPED:
        ladder = read_ladder(folder.joinpath(name).read_text(), base=ladder)
    return ladder


def ladder_of(file: Path | None, *, constituency: frozenset[str]) -> Ladder:
    """The shipped ladder for these countries, changed by the operator's file; raises `Fatal` with all its mistakes."""
    ladder = msgspec.structs.replace(shipped_ladder(), constituency=constituency)
    if file is None:
        return ladder
    try:
        ladder = read_ladder(file.read_text(encoding="utf-8"), base=ladder)
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"the ladder file can't be read: {error}") from error
    except BrokenLadder as error:
        mistakes = "".join(f"\n  {fault}" for fault in error.faults)
        raise Fatal(f"{file} can't be put in force:{mistakes}") from error
    return ladder
