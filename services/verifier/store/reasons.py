"""How reasons stand beside a verdict: in few bytes, since eighteen of them are most of its row.

PostgreSQL compresses a row of more than two kilobytes, which takes longer than all else that it does to store one.
"""

from collections.abc import Iterator, Sequence

import msgspec

from services.verifier.domain import Reason
from services.verifier.domain.values import CheckResult

MARKS = {CheckResult.PASS: "+", CheckResult.FAIL: "!", CheckResult.WARN: "~", CheckResult.SKIP: "-"}
USUAL_WEIGHTS = {CheckResult.PASS: 0.0, CheckResult.FAIL: 1.0, CheckResult.WARN: 0.0, CheckResult.SKIP: 0.0}
RESULTS = {mark: result for result, mark in MARKS.items()}
MOST_KEPT = 4_096
PASS, SKIP = CheckResult.PASS, CheckResult.SKIP

_stored = msgspec.json.Decoder(tuple[str | Reason, ...])


class ReasonsWriter:
    """Makes the text of reasons, and keeps it: most records get the very same ones, which checks make once.

    Known by their identity, as comparing them would take longer than writing them; they live as long as their text.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Reason, str]] = {}

    def text_of(self, reasons: Sequence[Reason]) -> str:
        """As `written`."""
        texts = [
            kept[1] if (kept := self._kept.get(id(reason))) is not None else self._keep(reason) for reason in reasons
        ]
        return f"[{','.join(texts)}]"

    def _keep(self, reason: Reason) -> str:
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        text = written((reason,))[1:-1]
        self._kept[id(reason)] = (reason, text)
        return text


def written(reasons: Sequence[Reason]) -> str:
    """A JSON array of two texts for each: mark and check, with a weight that is not the usual one between; detail."""
    return msgspec.json.encode([text for reason in reasons for text in (_head(reason), reason.detail)]).decode()


def read_reasons(stored: str) -> tuple[Reason, ...]:
    """Also as they were stored until now, as arrays of four."""
    return tuple(_read(iter(_stored.decode(stored))))


def _read(parts: Iterator[str | Reason]) -> Iterator[Reason]:
    for part in parts:
        if isinstance(part, Reason):
            yield part
            continue
        weight, _, check = part[1:].rpartition(" ")
        result = RESULTS[part[0]]
        yield Reason(check, result, float(weight) if weight else USUAL_WEIGHTS[result], str(next(parts)))


def _head(reason: Reason) -> str:
    """Members are compared before any is looked up, which in Python 3.11 takes ten times as long."""
    result, weight = reason.result, reason.weight
    if weight == 0.0 and result is PASS:
        return "+" + reason.check
    if weight == 0.0 and result is SKIP:
        return "-" + reason.check
    mark = MARKS[result]
    return mark + reason.check if weight == USUAL_WEIGHTS[result] else f"{mark}{weight} {reason.check}"
