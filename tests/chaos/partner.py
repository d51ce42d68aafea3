"""A partner who pushes whatever happens: each submission under its own key, again and again until it is answered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import httpx

from bench.feed import HEADER
from deploy.doubles.partner import TAKEN, ClumsyPartner, Payload
from libs.common.faults import AT_PARTNERS, draw_of
from libs.common.vocabulary import Outcome

PUSHED_WITHIN_SECONDS = 900.0
"""A plan of ten minutes may kill every intake as soon as it is up; partners try for longer than that."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """An answer that promises: these records are kept."""

    submission_id: UUID
    records: int
    tries: int


class Partner:
    """Pushes over one client, clumsily as `faults` say. What was answered is in `pushed`."""

    def __init__(self, client: httpx.AsyncClient, *, name: str, faults: str = "") -> None:
        draw = draw_of(faults, known=AT_PARTNERS, seed=0, tally=None)
        self._clumsy = ClumsyPartner(client, draw=draw, patience_seconds=PUSHED_WITHIN_SECONDS)
        self._name = name
        self.pushed: list[Pushed] = []

    async def push(self, pieces: Sequence[bytes], *, number: int) -> None:
        """One submission of these pieces (a thousand lines each). An answer that was lost is asked for again."""
        content = (HEADER + "\n").encode() + b"".join(pieces)
        key = f"{self._name}-{number}"
        payload = Payload(content=content, params={"report_type": "scan_smb"}, headers={"Idempotency-Key": key})
        push = await self._clumsy.push(payload)
        assert push.answer.status_code in TAKEN, f"{key} was answered {push.answer.status_code}: {push.answer.text}"
        submission_id = UUID(push.answer.json()["id"])
        self.pushed.append(Pushed(submission_id, content.count(b"\n") - 1, push.tries))


def expected_outcomes(numbers: Iterable[int]) -> Mapping[str, int]:
    """Where records of `bench.feed` end, by their number. A mail that fails or is suppressed counts as `notified`."""
    counts: dict[str, int] = {}
    for number in numbers:
        outcome = _expected(number).value
        counts[outcome] = counts.get(outcome, 0) + 1
    return counts


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
