"""Sources outside: what each of them can be asked, the real ones and a fake that passes the same tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from services.attribution.domain.answers import Found, Source


class SourceFailed(Exception):
    """There is no answer; the message says why in words that an analyst can read.

    `wait_seconds` is how long the source wants to be left alone. `is_its_own`: this says nothing of the source, only of
    the subject, as a host that is away says nothing of the next host.
    """

    def __init__(self, message: str, *, wait_seconds: float = 0.0, is_its_own: bool = False) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.is_its_own = is_its_own


class OutsideSource(Protocol):
    """One source. It may be slow and may fail; whoever holds it guards against both."""

    @property
    def source(self) -> Source: ...

    async def ask(self, subject: str) -> Found | None:
        """What it knows of the subject; None: nothing. Raises `SourceFailed`."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StaticSource:
    """For tests: knows what it is given; subjects in `failing` fail with these words."""

    source: Source
    known: Mapping[str, Found] = field(default_factory=dict)
    failing: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, subject: str) -> Found | None:
        if subject in self.failing:
            raise SourceFailed(self.failing[subject])
        return self.known.get(subject)

    async def close(self) -> None:
        return None
