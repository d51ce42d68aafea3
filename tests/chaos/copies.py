"""What is promised of mails whose sender dies, held against what arrived: a pure comparison."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

CONNECTIONS = 32
"""Of the sender: so many mails can be in doubt after its death."""

COPIES_AT_MOST = 2


@dataclass(frozen=True, slots=True)
class Life:
    """One notifier: how it died, how many mails it began, and how many nobody knows the fate of."""

    died_by: str
    tried: int
    lost: int

    def __str__(self) -> str:
        return f"{self.died_by}: {self.tried} begun, {self.lost} lost"


@dataclass(frozen=True, slots=True)
class Kept:
    """A notification as it is kept in the end."""

    reference: str
    state: str
    doubts: int
    tries: int
    reason: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A mail that has arrived; `is_marked` as one that may be the second."""

    message_id: str
    is_marked: bool


def copies_in(mails: Iterable[bytes]) -> dict[str, list[Copy]]:
    """What has arrived, by reference."""
    found: dict[str, list[Copy]] = defaultdict(list)
    for mail in mails:
        head = mail.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode()
        fields = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line and line[0] not in " \t")
        found[fields["X-Tocsin-Reference"]].append(Copy(fields["Message-ID"], "X-Tocsin-Resend" in fields))
    return dict(found)


def wrong_with(
    kept: Sequence[Kept], copies: Mapping[str, Sequence[Copy]], lives: Sequence[Life], *, mails: int
) -> list[str]:
    """Each broken promise in a sentence."""
    return [*_of_numbers(kept, copies, lives, mails=mails), *_of_each(kept, copies)]


def _of_numbers(
    kept: Sequence[Kept], copies: Mapping[str, Sequence[Copy]], lives: Sequence[Life], *, mails: int
) -> Iterator[str]:
    if len(kept) != mails:
        yield f"{len(kept)} notifications for {mails} recipients"
    if unknown := copies.keys() - {each.reference for each in kept}:
        yield f"mails that nobody has kept: {sorted(unknown)[:5]}"
    yield from (f"{life}: more than {CONNECTIONS}" for life in lives if life.lost > CONNECTIONS)
    lost, doubts = sum(life.lost for life in lives), sum(each.doubts + (each.state == "failed") for each in kept)
    if doubts > lost:
        yield f"{doubts} doubts, and {lost} mails were lost at a death"
    states = Counter(each.state for each in kept)
    if states.keys() - {"sent", "failed"}:
        yield f"not all have come to an end: {dict(states)}"


def _of_each(kept: Sequence[Kept], copies: Mapping[str, Sequence[Copy]]) -> Iterator[str]:
    for each in kept:
        arrived = copies.get(each.reference, ())
        marked = sum(copy.is_marked for copy in arrived)
        if len(arrived) > min(1 + each.doubts, COPIES_AT_MOST):
            yield f"{each.reference} arrived {len(arrived)} times with {each.doubts} doubts"
        if len(arrived) - marked > 1:
            yield f"{each.reference} arrived {len(arrived)} times, {marked} of them marked"
        if len({copy.message_id for copy in arrived}) > 1:
            yield f"the copies of {each.reference} have several Message-IDs"
        if each.state == "sent" and not arrived:
            yield f"{each.reference} is called sent and did not arrive"
        if each.state == "failed" and (each.doubts, each.reason) != (1, "in-doubt"):
            yield f"{each.reference} failed ({each.reason}) after {each.doubts} doubts"
