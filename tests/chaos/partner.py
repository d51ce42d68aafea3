"""A partner who pushes whatever happens: each submission under its own key, again and again until it is answered."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import httpx

from bench.feed import HEADER
from libs.common.vocabulary import Outcome

PUSHED_WITHIN_SECONDS = 180.0
TAKEN = frozenset({200, 201, 202})
LATER = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Pushed:
    """An answer that promises: these records are kept."""

    submission_id: UUID
    records: int
    tries: int


class Partner:
    """Pushes over one client. What was answered is in `pushed`."""

    def __init__(self, client: httpx.AsyncClient, *, name: str) -> None:
        self._client = client
        self._name = name
        self.pushed: list[Pushed] = []

    async def push(self, pieces: Sequence[bytes], *, number: int) -> None:
        """One submission of these pieces (a thousand lines each). An answer that was lost is asked for again."""
        payload = (HEADER + "\n").encode() + b"".join(pieces)
        async with asyncio.timeout(PUSHED_WITHIN_SECONDS):
            tries = 1
            while (answer := await self._try(payload, key=f"{self._name}-{number}")) is None:
                tries += 1
                await asyncio.sleep(0.3)
        submission_id = UUID(answer.json()["id"])
        self.pushed.append(Pushed(submission_id, payload.count(b"\n") - 1, tries))

    async def _try(self, payload: bytes, *, key: str) -> httpx.Response | None:
        try:
            answer = await self._client.post(
                "/v1/submissions",
                params={"report_type": "scan_smb"},
                content=payload,
                headers={"Idempotency-Key": key},
            )
        except httpx.TransportError:
            return None
        assert answer.status_code in TAKEN | LATER, f"push {key} was answered {answer.status_code}: {answer.text}"
        return answer if answer.status_code in TAKEN else None


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
