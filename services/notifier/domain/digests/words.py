"""The words of a digest in one language: a content file of `templates/digest/` in typed form."""

from collections.abc import Mapping

import msgspec

from libs.common.vocabulary import DigestCadence
from services.notifier.domain.words import Counted


class DigestHeadings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The headings of the sections, in the order of the mail."""

    troubles: str
    outcomes: str
    formats: str
    reasons: str
    submissions: str
    earlier: str
    stop: str


class DigestPhrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sentences, in the order of the mail."""

    greeting: str
    introduction: str
    nothing_came: str
    sum: str
    reasons: str
    some_submissions: str
    receipts: str
    failed: str
    processing: str
    earlier: str
    earlier_pending: Counted
    stop: str
    stop_command: str
    stop_by_mail: str
    footer: str


class DigestWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language. `{names}` in them are filled in from the values of a digest.

    `troubles` are by the kind of trouble; a kind that is not there is not told. `outcomes` say what became of a record.
    """

    brand_line: str
    thousands: str
    day: str
    subject: Mapping[DigestCadence, str]
    subject_rejected: str
    records: Counted
    submissions: Counted
    format_line: str
    headings: DigestHeadings
    phrases: DigestPhrases
    outcomes: Mapping[str, str]
    troubles: Mapping[str, Counted | str]

    def number(self, count: int) -> str:
        """A number as people write it."""
        return f"{count:,}".replace(",", self.thousands)

    def counted(self, words: Counted, count: int) -> str:
        return words.for_count(count).format(count=self.number(count))
