"""A push and what becomes of it: its claim on being the first, its rows, its events, and its receipt."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from libs.common.contracts import Indicator, RawIndicator
from libs.common.ids import record_id
from libs.common.vocabulary import Outcome, Reliability, Tlp
from services.intake.domain.contents import Contents
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import ParsedRecord, PayloadError, Record, RecordError, RejectedRecord

REJECTED = "rejected"
"""Where an unreadable record ends. It was never accepted, so it is no `Outcome` of the services behind us."""

MAX_SHOWN = 100
MAX_MESSAGE_CHARS = 500
LONGEST_LEASE = 8


class Status(StrEnum):
    """`processing` until every record is stored and published; `failed` when reading stopped before the end."""

    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"


class Violation(msgspec.Struct, frozen=True):
    """One thing wrong, as receipts show it; without `record` it is the payload as a whole."""

    code: str
    message: str
    record: int | None = None
    field: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One push by a partner. `reliability`, `tlp_default`, `assets_are` and `csv_reading` are what held at that moment,
    so that a second reading says the same.

    Of a payload from which secrets were taken, `size_bytes` and `sha256` are those of what was kept: a hash of what
    came would let a short password be guessed. `lease` is new each time that somebody takes it to work on, so it tells
    two workers of one process apart too. `test_mails_to` is set on a test: the address that gets its mails. `csv_said`
    is the part of `csv_reading` that the push said itself; it counts while the push is taken in, and is not kept.
    """

    id: UUID
    partner_id: UUID
    partner: str
    reliability: Reliability
    format: str
    report_type: str | None
    file_name: str | None
    content_type: str | None
    content_encoding: str | None
    size_bytes: int
    sha256: bytes
    traceparent: str
    received_at: datetime
    status: Status = Status.PROCESSING
    stored_through: int = 0
    published_through: int = 0
    errors: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()
    attempts: int = 0
    lease: UUID | None = None
    payload_redacted: bool = False
    tlp_default: Tlp | None = None
    upstream: str | None = None
    assets_are: AssetsAre = AssetsAre.ABUSED
    test_mails_to: str | None = None
    csv_reading: CsvReading = field(default_factory=CsvReading)
    csv_said: CsvReading = field(default_factory=CsvReading)

    @property
    def is_test(self) -> bool:
        return self.test_mails_to is not None

    @property
    def fingerprint(self) -> bytes:
        """Two pushes with the same one are the same push.

        The type counts, as other types share columns and bytes, and so does what a push says of its columns. Not
        what was agreed of them: that may change between a push and its repeat.
        """
        reading = (self.format, self.report_type or "", self.content_encoding or "")
        said = b"" if self.csv_said.is_default else msgspec.json.encode(self.csv_said)
        return hashlib.sha256("\x1f".join(reading).encode() + said + self.sha256).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a partner sees of a submission. `counts` has the records by outcome, the rejected ones too."""

    submission: Submission
    counts: Mapping[str, int]

    @property
    def outcomes(self) -> dict[str, int]:
        """The accepted records by outcome; they sum to `accepted`."""
        return {outcome: n for outcome, n in self.counts.items() if n and outcome != REJECTED}

    @property
    def accepted(self) -> int:
        return sum(self.outcomes.values())

    @property
    def rejected(self) -> int:
        return self.counts.get(REJECTED, 0)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as it is kept."""

    record: int
    outcome: str
    reason: str | None
    message: str | None
    at: datetime
    errors: tuple[Violation, ...]


def rows(records: Iterable[Record], *, at: datetime) -> list[RecordRow]:
    """What is kept of each record: little of an accepted one, as the payload is there to be read again."""
    return [_row(record, at) for record in records]


def _row(record: Record, at: datetime) -> RecordRow:
    match record:
        case ParsedRecord(warnings=warnings):
            return RecordRow(record.record, Outcome.PENDING.value, None, None, at, tuple(map(violation, warnings)))
        case RejectedRecord(errors=errors):
            message = "; ".join(error.message for error in errors)[:MAX_MESSAGE_CHARS]
            return RecordRow(record.record, REJECTED, errors[0].code, message, at, tuple(map(violation, errors)))


def violation(error: RecordError) -> Violation:
    return Violation(code=error.code, message=error.message, record=error.record, field=error.field, line=error.line)


def refusal(error: PayloadError) -> Violation:
    """The reason for which a payload was read no further."""
    return Violation(code=error.code, message=error.message)


def indicator_id(submission_id: UUID, record: int) -> UUID:
    """The id of a record's indicator: the same at every reading of the payload."""
    return record_id(submission_id, record)


def events(submission: Submission, records: Iterable[Record]) -> list[RawIndicator]:
    """The accepted records as events, in the trace of the partner's POST."""
    return [
        RawIndicator(
            indicator_id=indicator_id(submission.id, record.record),
            submission_id=submission.id,
            record=record.record,
            partner=submission.partner,
            reliability=submission.reliability,
            received_at=submission.received_at,
            indicator=_labelled(record.indicator, submission.tlp_default),
            test_mails_to=submission.test_mails_to,
            upstream=submission.upstream,
            traceparent=submission.traceparent,
        )
        for record in records
        if isinstance(record, ParsedRecord)
    ]


def _labelled(indicator: Indicator, tlp_default: Tlp | None) -> Indicator:
    """The partner's label, where the record has none of its own."""
    if tlp_default is None or indicator.tlp is not None:
        return indicator
    return msgspec.structs.replace(indicator, tlp=tlp_default)


@dataclass(slots=True)
class Tally:
    """What a reading has come across so far: how many of each, the first errors and warnings, and what it is."""

    accepted: int = 0
    rejected: int = 0
    errors: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()
    contents: Contents = field(default_factory=Contents)

    def add(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record, ParsedRecord):
                self.accepted += 1
                self.warnings = _first(self.warnings, record.warnings)
            else:
                self.rejected += 1
                self.errors = _first(self.errors, record.errors)

    @property
    def counts(self) -> Counter[str]:
        return Counter({Outcome.PENDING.value: self.accepted, REJECTED: self.rejected})


def _first(known: tuple[Violation, ...], found: Sequence[RecordError]) -> tuple[Violation, ...]:
    room = MAX_SHOWN - len(known)
    return known + tuple(map(violation, found[:room])) if found and room > 0 else known


def unreadable(tally: Tally) -> PayloadError | None:
    """The refusal of a payload that was read to its end without one record being accepted."""
    if tally.accepted:
        return None
    if tally.rejected:
        return PayloadError(422, "all-records-rejected", "none of its records can be read")
    return PayloadError(422, "empty-payload", "it has no records")
