"""What became of the objects of one push, as TAXII tells it: so many successes, failures and pendings.

An object is a success once something of it is taken: an asset, or what it explains. Where its records have come since
then is in its message. Source: TAXII 2.1, section 4.3.1.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.text import plain
from libs.common.vocabulary import Outcome
from services.intake.domain.formats.stix.objects import StixObject
from services.intake.domain.formats.stix.stix import Reading
from services.intake.domain.records import ParsedRecord, RecordError, quoted
from services.intake.domain.submissions import MAX_MESSAGE_CHARS, REJECTED, RecordRow, Submission, Violation
from services.intake.domain.times import parse_time

MAX_LISTED_OBJECTS = 1_000
MAX_LISTED_RECORDS = 10_000
"""Beyond these a list is left out, and its count stands alone."""

CONTEXT = "taken as context: it explains other objects, and is no record itself"

_MAX_ID_CHARS = 256
_MAX_TIME_CHARS = 64
_NO_RECORDS = range(0)


@dataclass(frozen=True, slots=True)
class ObjectFate:
    """One object in one version. `records` are the numbers of the records that it gave."""

    id: str
    version: str
    message: str | None = None
    records: range = _NO_RECORDS


@dataclass(frozen=True, slots=True)
class Group:
    """Objects of one fate; which ones, unless there are too many to list."""

    count: int
    listed: tuple[ObjectFate, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFates:
    """All objects of a push."""

    successes: Group
    failures: Group
    pendings: Group

    @property
    def total(self) -> int:
        return self.successes.count + self.failures.count + self.pendings.count


def fates_of_unread(objects: Iterable[StixObject], submission: Submission) -> PushFates:
    """While a payload is not read to its end nothing of it is decided."""
    pendings = _Gathering()
    for each in objects:
        pendings.add(_named(each, submission))
    return PushFates(successes=_Gathering().group, failures=_Gathering().group, pendings=pendings.group)


def fates_of_read(readings: Iterable[Reading], submission: Submission) -> PushFates:
    """Of a payload that was read to its end, or as far as it could be."""
    successes, failures = _Gathering(), _Gathering()
    for reading in readings:
        reasons = _refusal(reading, submission)
        fate = _named(reading.object, submission)
        if reasons is not None:
            failures.add(replace(fate, message=reasons))
        elif reading.records:
            successes.add(replace(fate, records=range(reading.records[0].record, reading.records[-1].record + 1)))
        else:
            successes.add(replace(fate, message=CONTEXT))
    return PushFates(successes=successes.group, failures=failures.group, pendings=_Gathering().group)


def with_outcomes(fates: Iterable[ObjectFate], rows: Mapping[int, RecordRow]) -> list[ObjectFate]:
    """The same, each with the outcomes of its records for a message."""
    return [
        replace(fate, message=_told([rows[n] for n in fate.records if n in rows]) or fate.message) for fate in fates
    ]


class _Gathering:
    """Counts all, and holds as many as may be listed."""

    def __init__(self) -> None:
        self._count = self._records = 0
        self._listed: list[ObjectFate] | None = []

    def add(self, fate: ObjectFate) -> None:
        self._count += 1
        self._records += len(fate.records)
        if self._count > MAX_LISTED_OBJECTS or self._records > MAX_LISTED_RECORDS:
            self._listed = None
        if self._listed is not None:
            self._listed.append(fate)

    @property
    def group(self) -> Group:
        return Group(self._count, None if self._listed is None else tuple(self._listed))


def _named(each: StixObject, submission: Submission) -> ObjectFate:
    """Without an id of its own an object is known by its place; without a version, by when it came."""
    said = (each.text(name)[:_MAX_TIME_CHARS] for name in ("modified", "created"))
    version = next((text for text in said if parse_time(text)), _written(submission.received_at))
    return ObjectFate(plain(each.id, _MAX_ID_CHARS) or each.path or "object", version)


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def _refusal(reading: Reading, submission: Submission) -> str | None:
    """Why nothing of an object was taken."""
    if reading.untaken:
        return f"{reading.untaken.code}: {quoted(reading.object.type)} {reading.untaken.why}"
    read = [record for record in reading.records if record.record <= submission.stored_through]
    if reading.records and not read:
        return _reasons(submission.errors[:1]) or "it was not read"
    if any(isinstance(record, ParsedRecord) for record in read):
        return None
    return _reasons([error for record in read if not isinstance(record, ParsedRecord) for error in record.errors])


def _reasons(errors: Iterable[RecordError | Violation]) -> str | None:
    told = dict.fromkeys(f"{error.code}: {error.message}" for error in errors)
    return "; ".join(told)[:MAX_MESSAGE_CHARS] or None


def _told(rows: Sequence[RecordRow]) -> str:
    """Where the records of one object are: of a single one all that is known, of several how many are where."""
    if len(rows) == 1:
        return _in_full(rows[0])
    counts = Counter(_word(row) for row in rows)
    refusals = dict.fromkeys(_in_full(row) for row in rows if row.outcome == REJECTED)
    return "; ".join((", ".join(f"{n} {word}" for word, n in counts.items()), *refusals))[:MAX_MESSAGE_CHARS]


def _in_full(row: RecordRow) -> str:
    reason = f" ({row.reason})" if row.reason else ""
    message = f": {row.message}" if row.message else ""
    return f"{_word(row)}{reason}{message}"


def _word(row: RecordRow) -> str:
    """`pending` is a word of TAXII's own, for what is not read yet."""
    return "on its way" if row.outcome == Outcome.PENDING else row.outcome
