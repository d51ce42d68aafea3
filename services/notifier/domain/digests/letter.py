"""What a digest says, before it has a shape: every line that the templates put in its place."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from libs.common.contracts import DigestDue, DigestFormat, DigestReason, DigestSubmission, DigestTrouble
from libs.common.text import defang, plain
from libs.common.vocabulary import Language
from services.notifier.domain.digests.words import DigestWords
from services.notifier.domain.house import House
from services.notifier.domain.letter import NAME_CHARACTERS
from services.notifier.domain.words import Words

CODE_CHARACTERS = 60
FILE_NAME_CHARACTERS = 100
REJECTED = "rejected"

ORDER = (
    "notified",
    "pending",
    "held",
    "unattributable",
    "suppressed",
    "duplicate",
    "refuted",
    "expired",
    "out-of-scope",
    "failed",
    REJECTED,
)
"""From what went well to what did not; what we have no word for comes last."""


class OutcomeLine(msgspec.Struct, frozen=True, kw_only=True):
    """So many records ended so, and what that means."""

    records: str
    outcome: str
    meaning: str


class FormatLine(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    sum: str
    outcomes: str


class ReasonLine(msgspec.Struct, frozen=True, kw_only=True):
    records: str
    outcome: str
    reason: str


class SubmissionLine(msgspec.Struct, frozen=True, kw_only=True):
    at: str
    title: str
    id: str
    outcomes: str
    url: str


class DigestLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One digest's content. Templates put it in its place and add no word of their own."""

    words: DigestWords
    language: Language
    values: Mapping[str, str]
    subject: str
    troubles: Sequence[str]
    outcomes: Sequence[OutcomeLine]
    formats: Sequence[FormatLine]
    reasons: Sequence[ReasonLine]
    submissions: Sequence[SubmissionLine]
    is_part: bool
    earlier: Sequence[str]

    @property
    def number_width(self) -> int:
        """Of the widest number that stands above or below another."""
        return max(map(len, [*(each.records for each in self.outcomes), *(each.records for each in self.reasons)]))

    @property
    def outcome_width(self) -> int:
        return max(map(len, [*(each.outcome for each in self.outcomes), *(each.outcome for each in self.reasons)]))

    def say(self, sentence: str) -> str:
        """A sentence with its values filled in. They are plain text still: whoever prints them has to escape them."""
        return sentence.format_map(self.values)


def digest_letter_of(due: DigestDue, *, words: DigestWords, common: Words, house: House) -> DigestLetter:
    """Write the letter. Values of partners come out as plain, defanged, bounded text."""
    values = _values(due, words=words, common=common, house=house)
    return DigestLetter(
        words=words,
        language=due.language,
        values=values,
        subject=_subject(due, words=words, values=values),
        troubles=[*_troubles(due.troubles, words=words, common=common)],
        outcomes=_outcome_lines(due.outcomes, words),
        formats=[_format_line(each, words) for each in due.formats],
        reasons=[_reason_line(each, words) for each in due.reasons],
        submissions=[_submission_line(each, words=words, common=common) for each in due.submissions],
        is_part=len(due.submissions) < due.submissions_total,
        earlier=[*_earlier(due, words)],
    )


def _values(due: DigestDue, *, words: DigestWords, common: Words, house: House) -> dict[str, str]:
    records = sum(due.outcomes.values())
    return {
        "name": plain(due.name, NAME_CHARACTERS),
        "since": common.at(due.since),
        "until": common.at(due.until),
        "made_at": common.at(due.made_at),
        "day": words.day.format(day=due.until.day, month=common.months[due.until.month - 1], year=due.until.year),
        "records": words.counted(words.records, records),
        "submissions": words.counted(words.submissions, due.submissions_total),
        "shown": words.number(len(due.submissions)),
        "total": words.number(due.submissions_total),
        "rejected": words.number(due.outcomes.get(REJECTED, 0)),
        "sender": house.name,
        "desk_address": house.desk_address,
    }


def _subject(due: DigestDue, *, words: DigestWords, values: Mapping[str, str]) -> str:
    subject = words.subject[due.cadence].format_map(values)
    return subject + words.subject_rejected.format_map(values) if due.outcomes.get(REJECTED) else subject


def _troubles(troubles: Sequence[DigestTrouble], *, words: DigestWords, common: Words) -> Iterator[str]:
    for trouble in troubles:
        if (sentence := words.troubles.get(trouble.kind)) is not None:
            counted = sentence if isinstance(sentence, str) else sentence.for_count(trouble.count)
            yield counted.format(
                count=words.number(trouble.count),
                at=common.at(trouble.at) if trouble.at else "",
                detail=defang(plain(trouble.detail, CODE_CHARACTERS)),
            )


def _outcome_lines(outcomes: Mapping[str, int], words: DigestWords) -> list[OutcomeLine]:
    return [
        OutcomeLine(records=words.number(n), outcome=code, meaning=words.outcomes.get(code, ""))
        for code, n in _ordered(outcomes)
    ]


def _ordered(outcomes: Mapping[str, int]) -> list[tuple[str, int]]:
    """With the code as a code: it comes from another service, which may be of a later release."""
    places = {outcome: place for place, outcome in enumerate(ORDER)}
    ordered = sorted(outcomes.items(), key=lambda each: (places.get(each[0], len(ORDER)), each[0]))
    return [(plain(code, CODE_CHARACTERS), n) for code, n in ordered if n]


def _listed(outcomes: Mapping[str, int], words: DigestWords) -> str:
    return ", ".join(f"{words.number(n)} {code}" for code, n in _ordered(outcomes))


def _format_line(counted: DigestFormat, words: DigestWords) -> FormatLine:
    summed = words.format_line.format(
        records=words.counted(words.records, sum(counted.outcomes.values())),
        submissions=words.counted(words.submissions, counted.submissions),
    )
    return FormatLine(
        title=_kind(counted.format, counted.report_type), sum=summed, outcomes=_listed(counted.outcomes, words)
    )


def _kind(format_name: str, report_type: str | None) -> str:
    return ", ".join(defang(plain(name, CODE_CHARACTERS)) for name in (format_name, report_type) if name)


def _reason_line(counted: DigestReason, words: DigestWords) -> ReasonLine:
    return ReasonLine(
        records=words.number(counted.records),
        outcome=plain(counted.outcome, CODE_CHARACTERS),
        reason=plain(counted.reason, CODE_CHARACTERS),
    )


def _submission_line(submission: DigestSubmission, *, words: DigestWords, common: Words) -> SubmissionLine:
    name = defang(plain(submission.file_name or "", FILE_NAME_CHARACTERS))
    said = {"failed": words.phrases.failed, "processing": words.phrases.processing}.get(submission.status, "")
    return SubmissionLine(
        at=common.at(submission.received_at),
        title=", ".join(filter(None, (_kind(submission.format, submission.report_type), name))),
        id=str(submission.submission_id),
        outcomes=", ".join(filter(None, (said, _listed(submission.outcomes, words)))),
        url=submission.url,
    )


def _earlier(due: DigestDue, words: DigestWords) -> Iterator[str]:
    if due.earlier:
        yield words.phrases.earlier.format(outcomes=_listed(due.earlier, words))
    if due.earlier_pending:
        yield words.counted(words.phrases.earlier_pending, due.earlier_pending)
