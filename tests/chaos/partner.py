"""A partner who pushes whatever happens: each submission under its own key, again and again until it is answered."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from uuid import UUID

import httpx

from bench.feed import HEADER, NETWORKS
from deploy.doubles.partner import TAKEN, ClumsyPartner, Payload
from libs.common.faults import AT_PARTNERS, draw_of
from libs.common.vocabulary import Outcome
from tests.chaos.ways import FIRST_OBJECT, OBJECTS, WAYS, Doors, Way, mail_of, objects_payload, payload_by

PUSHED_WITHIN_SECONDS = 900.0
"""A plan of ten minutes may kill every intake as soon as it is up; partners try for longer than that."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """An answer that promises: these records are kept."""

    submission_id: UUID
    records: int
    tries: int
    way: str


class Partner:
    """Pushes over one client, clumsily as `faults` say, and sends mails. What was answered is in `pushed`.

    `first` is the number of the first record; names of submissions begin with it.
    """

    def __init__(self, client: httpx.AsyncClient, doors: Doors, *, first: int, faults: str = "") -> None:
        draw = draw_of(faults, known=AT_PARTNERS, seed=0, tally=None)
        self._clumsy = ClumsyPartner(client, draw=draw, patience_seconds=PUSHED_WITHIN_SECONDS)
        self._doors = doors
        self._first = first
        self.pushed: list[Pushed] = []

    async def push(self, pieces: Sequence[bytes], *, number: int) -> None:
        """One submission of these pieces (a thousand lines each), by the way whose turn it is."""
        content = (HEADER + "\n").encode() + b"".join(pieces)
        key, way, records = f"chaos-{self._first}-{number}", WAYS[number % len(WAYS)], content.count(b"\n") - 1
        if way is Way.MAIL_BROUGHT:
            submission_id, tries = await self._doors.mailbox.bring(mail_of(content, key=key))
            self.pushed.append(Pushed(submission_id, records, tries, way))
        else:
            await self._push(payload_by(way, content, key=key), records=records, way=way)

    async def push_objects(self) -> None:
        """One submission over TAXII."""
        key, now = f"chaos-{self._first}-objects", datetime.now(UTC)
        payload = objects_payload(self._doors.collection, first=FIRST_OBJECT + self._first, key=key, now=now)
        await self._push(payload, records=OBJECTS, way="taxii")

    async def _push(self, payload: Payload, *, records: int, way: str) -> None:
        """An answer that was lost is asked for again."""
        push = await self._clumsy.push(payload)
        assert push.answer.status_code in TAKEN, f"{way} was answered {push.answer.status_code}: {push.answer.text}"
        self.pushed.append(Pushed(UUID(push.answer.json()["id"]), records, push.tries, way))


def expected_outcomes(
    numbers: Iterable[int],
    *,
    objects: Iterable[int] = (),
    found_twice: Iterable[int] = (),
    handed_over: Container[int] = (),
) -> Counter[str]:
    """Where records of `bench.feed` end, by their number, and objects beside them: all of those are news, and what is
    found twice is so once.

    A mail that fails or is suppressed counts as `notified`; in networks that are `handed_over`, as `out-of-scope`.
    """
    ends = chain(
        ((number, _expected(number)) for number in numbers),
        ((number, Outcome.NOTIFIED) for number in objects),
        ((number, end) for number in found_twice for end in (Outcome.NOTIFIED, Outcome.DUPLICATE)),
    )
    return Counter(
        (Outcome.OUT_OF_SCOPE if end is Outcome.NOTIFIED and number % NETWORKS in handed_over else end).value
        for number, end in ends
    )


def _expected(number: int) -> Outcome:
    match number % 20:
        case 19:
            return Outcome.EXPIRED
        case 18:
            return Outcome.UNATTRIBUTABLE
        case 5 | 15:
            return Outcome.OUT_OF_SCOPE
        case 3 | 8 | 13 | 17 if number > 20:
            return Outcome.DUPLICATE
    return Outcome.NOTIFIED
