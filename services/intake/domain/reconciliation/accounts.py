"""One submission as intake and the services behind it see it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from libs.common.books import SubmissionCounts
from services.intake.domain.submissions import Status


@dataclass(frozen=True, slots=True)
class Window:
    """The submissions with ids above `after` up to `through`, and how many intake knows of them."""

    after: UUID
    through: UUID
    submissions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A submission in intake's own books, by outcome: as its records say, and as its receipt counts them.

    The unreadable records are left out. Of the held ones, `dead_letters` wait for a person because a service could not
    handle them, and of `given_up` nobody behind intake may have heard, since it could not read on.
    """

    submission_id: UUID
    status: Status
    outcomes: Mapping[str, int]
    counted: Mapping[str, int]
    dead_letters: int = 0
    given_up: int = 0
    conflicts: int = 0

    @property
    def accepted(self) -> int:
        return sum(self.counted.values())


@dataclass(frozen=True, slots=True)
class Crossing:
    """Records on their way from one service to the next: how many were handed on, and how many the next one has."""

    giver: str
    taker: str
    handed_on: int
    arrived: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One submission in all books, read against the flow: first `own`, last what was accepted by then.

    So whatever moved in between is missing where it was looked for first, and never too much where it was looked for
    last. `own` is None for a submission that intake does not know.
    """

    submission_id: UUID
    own: Own | None
    accepted: int
    verifier: SubmissionCounts
    attribution: SubmissionCounts
    notifier: SubmissionCounts

    @property
    def ended(self) -> Mapping[str, int]:
        """What the services say of how records ended."""
        ended: Counter[str] = Counter()
        for counts in (self.verifier, self.attribution, self.notifier):
            ended.update(counts.ended)
        return ended

    def crossings(self) -> Iterator[Crossing]:
        yield Crossing("intake", "verifier", self.accepted, self.verifier.heard)
        yield Crossing("verifier", "attribution", self.verifier.passed_on, self.attribution.heard)
        yield Crossing("attribution", "notifier", self.attribution.passed_on, self.notifier.heard)
