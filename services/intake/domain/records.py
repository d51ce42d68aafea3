"""What reading a submission gives: a parsed or a rejected record for each record in it, or one refusal of the whole."""

from collections.abc import Mapping

import msgspec

from libs.common.addresses import without_url_secrets
from libs.common.contracts import Indicator
from libs.common.text import plain

_MAX_QUOTED_CHARS = 80
_MAX_NOTICES = 512


class RecordError(msgspec.Struct, frozen=True):
    """One thing wrong with one record. `field` is as the partner names it; docs/for-partners.md lists the codes."""

    record: int
    field: str
    code: str
    message: str
    line: int | None = None


class ParsedRecord(msgspec.Struct, frozen=True):
    """A record that became an indicator; `warnings` say what was lost on the way."""

    record: int
    line: int
    indicator: Indicator
    warnings: tuple[RecordError, ...] = ()


class RejectedRecord(msgspec.Struct, frozen=True):
    """A record that could not be read, with all that is wrong with it."""

    record: int
    line: int
    errors: tuple[RecordError, ...]


Record = ParsedRecord | RejectedRecord


class PayloadError(Exception):
    """The submission as a whole is refused, with an HTTP status; records that were read before it do not count."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class Findings:
    """What is found wrong with one record while it is read: errors sink it, warnings do not."""

    __slots__ = ("errors", "line", "record", "warnings")

    def __init__(self, record: int, line: int) -> None:
        self.record = record
        self.line = line
        self.errors: list[RecordError] = []
        self.warnings: list[RecordError] = []

    def reject(self, field: str, code: str, message: str) -> None:
        self.errors.append(RecordError(self.record, field, code, message, self.line))

    def warn(self, field: str, code: str, message: str) -> None:
        self.warnings.append(RecordError(self.record, field, code, message, self.line))

    def discard(self, field: str, value: str, why: str) -> None:
        """Note that an optional value was dropped because it is not what it should be."""
        self.warn(field, "value-discarded", f"{quoted(value)} {why}")

    def call_fields(self, names: Mapping[str, str]) -> None:
        """Say the partner's names of fields instead of ours, as far as `names` has them."""
        self.errors = [msgspec.structs.replace(each, field=names.get(each.field, each.field)) for each in self.errors]
        self.warnings = [
            msgspec.structs.replace(each, field=names.get(each.field, each.field)) for each in self.warnings
        ]

    def verdict(self, indicator: Indicator | None) -> Record:
        if self.errors or indicator is None:
            return RejectedRecord(self.record, self.line, tuple(self.errors))
        return ParsedRecord(self.record, self.line, indicator, tuple(self.warnings))


class Notices:
    """Warnings that hold for a whole submission: each is given once, with the first record that is not rejected.

    At most 512 are given, so that names that partners make up do not fill the memory.
    """

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def warn(self, field: str, code: str, message: str, *, findings: Findings) -> None:
        if not findings.errors and (field, code) not in self._told and len(self._told) < _MAX_NOTICES:
            self._told.add((field, code))
            findings.warn(field, code, message)

    def warn_of_secret(self, field: str, *, findings: Findings) -> None:
        self.warn(
            field, "redacted-secret", "the field may hold secrets; its values are not taken in", findings=findings
        )


class Doubts(Findings):
    """What is found wrong with optional values: each is left out with a warning in `findings`, and sinks nothing."""

    __slots__ = ()

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings.record, findings.line)
        self.warnings = findings.warnings

    def reject(self, field: str, code: str, message: str) -> None:
        self.warn(field, "value-discarded", message)


def rejected(record: int, line: int, *, field: str, code: str, message: str) -> RejectedRecord:
    return RejectedRecord(record, line, (RecordError(record, field, code, message, line),))


def quoted(value: str) -> str:
    """`value` as a message may show it: plain, without secrets, in quotation marks, at most 80 characters."""
    shown = plain(without_url_secrets(value[: 4 * _MAX_QUOTED_CHARS]), _MAX_QUOTED_CHARS)
    return f"'{shown}'" if len(value) <= _MAX_QUOTED_CHARS else f"'{shown}…'"
