"""Imports: what is brought in, how far it is, and how it ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

LONGEST_SILENCE = timedelta(minutes=5)
"""A running import says something every second, save while it puts ranges in order; after this it is taken for dead.

So is one that waits: its queue says every minute that it does.
"""


class ImportKind(StrEnum):
    """`organisations` are ours; `ripe` and `delegated` are what registries publish; `networks` is the network file."""

    ORGANISATIONS = "organisations"
    RIPE = "ripe"
    DELEGATED = "delegated"
    NETWORKS = "networks"


class ImportState(StrEnum):
    """An upload is `waiting` while others are worked on before it."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


UNDER_WAY = frozenset({ImportState.WAITING, ImportState.RUNNING})


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong in a file; `where` is a record's number or a field in it."""

    where: str
    code: str
    message: str


class Progress(msgspec.Struct, frozen=True):
    """How far an import is. `skipped` counts, by reason, what was left out without harm."""

    bytes_read: int = 0
    records: int = 0
    skipped: Mapping[str, int] = {}
    share_done: float = 0.0


class LineKind(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


class Line(msgspec.Struct, frozen=True):
    """One organisation of a file. `changes` names fields of it, and assets and contacts as they are written there."""

    where: str
    kind: LineKind
    organisation_id: UUID
    name: str
    changes: tuple[str, ...] = ()


class FileChanges(msgspec.Struct, frozen=True):
    """`conflicts` counts organisations that claim what another one claims too: a person decides about those."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    conflicts: int = 0
    lines: tuple[Line, ...] = ()


class ImportRun(msgspec.Struct, frozen=True, kw_only=True):
    """`is_preview`: only says what it would change. `changes`: those of a file of organisations, once it is in."""

    import_id: UUID
    kind: ImportKind
    state: ImportState
    started_by: str
    bytes_total: int
    progress: Progress = Progress()
    errors: tuple[Mistake, ...] = ()
    message: str = ""
    started_at: datetime
    updated_at: datetime
    is_preview: bool = False
    changes: FileChanges | None = None

    @property
    def seconds(self) -> float:
        return (self.updated_at - self.started_at).total_seconds()

    @property
    def records_per_second(self) -> float | None:
        """None until there is something to tell."""
        return self.progress.records / self.seconds if self.seconds > 0 and self.progress.records else None

    @property
    def seconds_left(self) -> float | None:
        """As far as what is done tells; None where nothing is, and when it has ended."""
        share = self.progress.share_done
        if self.state is not ImportState.RUNNING or share <= 0:
            return None
        return self.seconds * (1 - share) / share


def as_seen(run: ImportRun, *, at: datetime) -> ImportRun:
    """The run as a reader should take it: one that has long been silent died with its process, and changed nothing."""
    if run.state not in UNDER_WAY or at - run.updated_at < LONGEST_SILENCE:
        return run
    return msgspec.structs.replace(
        run, state=ImportState.FAILED, message="The import was interrupted and has changed nothing; start it again."
    )
