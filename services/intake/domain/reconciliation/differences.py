"""What does not add up, and what may only be under way.

A record that is handed on is missing at the next service until it arrives there, and an outcome that was said is
missing at intake until it is heard. So nothing that is missing proves anything at first sight. The proof takes two
looks, and between them a moment by which all that was under way at the first had come to rest. What is missing then of
what was there at the first look is lost. As long as more comes after it, that can be hidden by what comes, but not for
longer: then it is open, and a third look decides. What is too much at any look is wrong at once, since all books are
read against the flow (`Account`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.vocabulary import Outcome
from services.intake.domain.outcomes import REVISABLE
from services.intake.domain.reconciliation.accounts import Account, Own
from services.intake.domain.submissions import Status


class Kind(StrEnum):
    """In which way two books differ."""

    UNKNOWN = "unknown"
    MISCOUNTED = "miscounted"
    CONFLICT = "conflict"
    MISSING = "missing"
    TOO_MANY = "too-many"
    UNHEARD = "unheard"
    UNFOUNDED = "unfounded"


MAY_BE_UNDER_WAY = frozenset({Kind.MISSING, Kind.UNHEARD})
FIRST_BORDER = "intake → verifier"
LAST_BORDER = "notifier → feedback"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two numbers that must be the same; `words.py` says each kind in a sentence.

    `border` is between two services, `giver → taker`; `outcome` is where the records ended that this is about.
    """

    kind: Kind
    expected: int
    found: int
    submission_id: UUID | None = None
    day: date | None = None
    border: str = ""
    outcome: str = ""

    @property
    def records(self) -> int:
        """By how much."""
        return abs(self.expected - self.found)


def differences(earlier: Account, later: Account) -> tuple[Difference, ...]:
    """What is wrong with a submission, given that what was under way at the earlier look was at rest before the later.

    Of one look alone, ask with the same account twice: what is missing then may be under way.
    """
    if later.own is None:
        heard = max(arrived.arrived for arrived in later.crossings())
        return (Difference(kind=Kind.UNKNOWN, submission_id=later.submission_id, expected=0, found=heard),)
    found = (
        *_within_intake(later.own),
        *_at_borders(earlier, later, later.own),
        *_of_outcomes(earlier, later, later.own),
    )
    return tuple(msgspec.structs.replace(each, submission_id=later.submission_id) for each in found)


def _within_intake(own: Own) -> Iterator[Difference]:
    """Records against the counts that receipts are made of; they change together, and were read together."""
    for outcome in sorted({*own.outcomes, *own.counted}):
        kept, counted = own.outcomes.get(outcome, 0), own.counted.get(outcome, 0)
        if kept != counted:
            yield Difference(kind=Kind.MISCOUNTED, outcome=outcome, expected=kept, found=counted)
    if own.conflicts:
        yield Difference(kind=Kind.CONFLICT, expected=0, found=own.conflicts)


def _at_borders(earlier: Account, later: Account, own: Own) -> Iterator[Difference]:
    """What a service handed on and the next one does not have, or the other way round.

    Records that are held as dead letters, or because intake gave up, are known to be missing somewhere.
    """
    explained = own.dead_letters + own.given_up
    for before, after in zip(earlier.crossings(), later.crossings(), strict=True):
        border = f"{after.giver} → {after.taker}"
        missing = min(before.handed_on, after.handed_on) - after.arrived
        if missing > explained:
            yield Difference(kind=Kind.MISSING, border=border, expected=after.arrived + missing, found=after.arrived)
        if missing < 0 and after.arrived > after.handed_on:
            yield Difference(kind=Kind.TOO_MANY, border=border, expected=after.handed_on, found=after.arrived)
        explained = max(0, explained - max(0, missing))


def _of_outcomes(earlier: Account, later: Account, own: Own) -> Iterator[Difference]:
    """What services said of ends against what intake heard. An outcome that a person may revise can be ahead of them:
    the services know of the new decision first, and intake keeps the old outcome until the next one is said.
    """
    for outcome in Outcome:
        if outcome is Outcome.PENDING:
            continue
        heard = own.outcomes.get(outcome, 0)
        said = later.ended.get(outcome, 0)
        unheard = min(earlier.ended.get(outcome, 0), said) - heard
        if unheard > 0:
            yield Difference(kind=Kind.UNHEARD, outcome=outcome, expected=heard + unheard, found=heard)
        if heard > said and outcome not in REVISABLE:
            yield Difference(kind=Kind.UNFOUNDED, outcome=outcome, expected=said, found=heard)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is `proven` by two looks, and what is `open`: missing at the second one, and may still come."""

    proven: tuple[Difference, ...]
    open: tuple[Difference, ...]


def compare(earlier: Account, later: Account, *, at_rest: bool) -> Comparison:
    """`at_rest`: between the two looks all that was under way at the first had come to rest."""
    is_being_read = later.own is not None and later.own.status is Status.PROCESSING

    def may_come(difference: Difference) -> bool:
        if difference.kind not in MAY_BE_UNDER_WAY:
            return False
        return not at_rest or (is_being_read and difference.border == FIRST_BORDER)

    return _comparison([each for each in differences(earlier, later) if not may_come(each)], differences(later, later))


def _comparison(proven: Sequence[Difference], at_sight: Sequence[Difference]) -> Comparison:
    known = {(each.border, each.outcome, each.day) for each in proven}
    missing = (each for each in at_sight if each.kind in MAY_BE_UNDER_WAY)
    still_open = tuple(each for each in missing if (each.border, each.outcome, each.day) not in known)
    return Comparison(tuple(proven), still_open)


@dataclass(frozen=True, slots=True)
class Mails:
    """Notifications by the day on which they left: those that feedback knows, and then those that the notifier sent."""

    known: Mapping[date, int]
    sent: Mapping[date, int]


def mail_differences(earlier: Mails, later: Mails) -> Sequence[Difference]:
    """Of two looks, as `differences` is; of one alone, ask with the same twice."""
    found = []
    for day in sorted({*later.sent, *later.known}):
        sent, known = later.sent.get(day, 0), later.known.get(day, 0)
        missing = min(earlier.sent.get(day, 0), sent) - known
        if missing > 0:
            found.append(
                Difference(kind=Kind.MISSING, day=day, border=LAST_BORDER, expected=known + missing, found=known)
            )
        if known > sent:
            found.append(Difference(kind=Kind.TOO_MANY, day=day, border=LAST_BORDER, expected=sent, found=known))
    return found


def compare_mails(earlier: Mails, later: Mails, *, at_rest: bool) -> Comparison:
    """As `compare`."""
    proven = [each for each in mail_differences(earlier, later) if at_rest or each.kind not in MAY_BE_UNDER_WAY]
    return _comparison(proven, mail_differences(later, later))
