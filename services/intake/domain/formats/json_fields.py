"""Fields of a record in JSON, checked one by one so that a partner sees all that is wrong at once."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from libs.common.text import plain
from services.intake.domain.records import Doubts, Findings, quoted
from services.intake.domain.times import in_utc, seen_at

T = TypeVar("T")


class Fields:
    """The members of one JSON object; each reading of a member that is not what it must be adds an error.

    A member that is absent or null reads as `None`. `where` is the path of the object in the record.
    """

    def __init__(self, members: Mapping[str, object], findings: Findings, *, where: str = "") -> None:
        self._members = members
        self._findings = findings
        self._where = where

    @property
    def optional(self) -> "Fields":
        """The same fields, none of which is vital: one that is not what it must be is left out with a warning."""
        return Fields(self._members, Doubts(self._findings), where=self._where)

    def refuse_others(self, known: frozenset[str]) -> None:
        for name in self._members:
            if name not in known:
                self.reject(
                    plain(name, 64), "unknown-field", "the format has no such field; free matter goes in 'extra'"
                )

    def require(self, name: str, *, code: str = "missing-field") -> None:
        if self._members.get(name) is None:
            self.reject(name, code, "the field is required")

    def reject(self, name: str, code: str, message: str) -> None:
        self._findings.reject(f"{self._where}{name}", code, message)

    def text(self, name: str, *, limit: int, lines: bool = False) -> str | None:
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong_type(name, "a text")
            return None
        if len(value) > limit:
            self.reject(name, "field-too-long", f"the text is longer than {limit} characters")
            return None
        return plain(value, limit, lines=lines)

    def integer(self, name: str, *, low: int, high: int, code: str) -> int | None:
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.reject(name, code, f"{quoted(str(value)[:100])} is not a whole number from {low} to {high}")
            return None
        return value

    def number(self, name: str, *, low: float, high: float, code: str) -> float | None:
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            self.reject(name, code, f"{quoted(str(value)[:100])} is not a number from {low:g} to {high:g}")
            return None
        return float(value)

    def time(self, name: str, *, now: datetime, assume_utc: bool = False) -> datetime | None:
        """The time in UTC; one without a zone is an error, or with `assume_utc` a warning."""
        text = self.text(name, limit=64)
        if text is None:
            return None
        at = seen_at(text, field=f"{self._where}{name}", findings=self._findings, now=now)
        if at and assume_utc:
            return in_utc(at, field=f"{self._where}{name}", findings=self._findings)
        if at and at.tzinfo is None:
            self.reject(name, "invalid-timestamp", f"{quoted(text)} does not say in which time zone")
            return None
        return at

    def reading(
        self, name: str, read: Callable[[str], T | None], *, limit: int, code: str, what: str, shown: bool = True
    ) -> T | None:
        """What `read` makes of a text; if it makes nothing of it, an error with `code` says that it is not `what`.

        The message quotes the text if it may be `shown`.
        """
        text = self.text(name, limit=limit)
        if text is None:
            return None
        value = read(text)
        if value is None:
            self.reject(name, code, f"{quoted(text) if shown else 'the value'} is not {what}")
        return value

    def readings(
        self, name: str, read: Callable[[str], T | None], *, items: int, limit: int, code: str, what: str
    ) -> tuple[T, ...]:
        """What `read` makes of each of a list of texts, each thing once; those that are not `what` are errors."""
        found: dict[T, None] = {}
        for text in self.texts(name, items=items, limit=limit):
            value = read(text)
            if value is None:
                self.reject(name, code, f"{quoted(text)} is not {what}")
            else:
                found[value] = None
        return tuple(found)

    def texts(self, name: str, *, items: int, limit: int) -> tuple[str, ...]:
        value = self._members.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong_type(name, "a list of texts")
        elif len(value) > items or any(len(item) > limit for item in value):
            self.reject(name, "field-too-long", f"at most {items} items of {limit} characters")
        else:
            return tuple(dict.fromkeys(text for item in value if (text := plain(item, limit))))
        return ()

    def flag(self, name: str) -> bool:
        value = self._members.get(name)
        if value is not None and value is not True:
            self._wrong_type(name, "true, or absent")
        return value is True

    def member(self, name: str) -> "Fields | None":
        members = self.mapping(name)
        return None if members is None else Fields(members, self._findings, where=f"{self._where}{name}.")

    def has(self, name: str) -> bool:
        return self._members.get(name) is not None

    def raw(self, name: str) -> str:
        """The text as it came, or nothing."""
        value = self._members.get(name)
        return value if isinstance(value, str) else ""

    def mapping(self, name: str) -> Mapping[str, object] | None:
        value = self._members.get(name)
        if value is None or isinstance(value, dict):
            return value
        self._wrong_type(name, "an object")
        return None

    def _wrong_type(self, name: str, expected: str) -> None:
        self.reject(name, "invalid-type", f"the value must be {expected}")
