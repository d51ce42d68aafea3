"""Refusing what is of a type that is not taken."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from services.intake.domain.records import Findings, Record, quoted

_MAX_TOLD_TYPES = 256
_OTHERS = "others"


class Reason(NamedTuple):
    """Why nothing of a type is taken."""

    code: str
    why: str


UNSUPPORTED_TYPE = Reason(code="unsupported-type", why="is not a type that names an asset")
HOSTILE_ASSET = Reason(code="hostile-asset", why="is taken for the attacker's own, whom nobody warns")


class UntakenTypes:
    """Things that are not taken, counted: lists of hashes are long, so one record tells of each type."""

    def __init__(self, types: Iterable[str], *, things: str) -> None:
        self._things = things
        self._untold: Counter[str] = Counter()
        for each in types:
            self._untold[self._name(each, room=len(self._untold) < _MAX_TOLD_TYPES)] += 1

    def refusal(self, type_name: str, reason: Reason, findings: Findings, *, field: str) -> Record | None:
        """The record that tells of all of the type; at the first of them."""
        name = self._name(type_name)
        count, self._untold[name] = self._untold[name], 0
        if count == 0:
            return None
        findings.reject(field, reason.code, f"{quoted(name)} {reason.why} ({self._things}: {count})")
        return findings.verdict(None)

    def _name(self, type_name: str, *, room: bool = False) -> str:
        return type_name if room or type_name in self._untold else _OTHERS
