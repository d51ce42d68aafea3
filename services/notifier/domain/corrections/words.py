"""The words of a correction in one language: a content file of `templates/correction/` in typed form."""

from collections.abc import Mapping

import msgspec

from libs.common.vocabulary import RecipientKind
from services.notifier.domain.words import Counted


class CorrectionHeadings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The headings of the sections, in the order of the mail."""

    wrong: str
    now: str
    questions: str


class CorrectionPhrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sentences, in the order of the mail. Where all of the warning was wrong they are `whole`, else `part`."""

    whole: str
    part: str
    told: str
    perhaps_told: str
    wrong: Counted
    sorry: str
    more: str
    nothing: str
    rest: str
    changed: str
    questions: str
    footer: str
    attachment_name: str


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of the mail that was wrong: a team was handed something over, everybody else was warned."""

    subject_whole: str
    subject_part: str
    whole: str
    part: str
    told: str
    perhaps_told: str
    wrong: Counted
    rest: str
    changed: str


class CorrectionWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language that no warning has. `{names}` in them are filled in from a correction's values."""

    brand_line: str
    subject_whole: str
    subject_part: str
    headings: CorrectionHeadings
    phrases: CorrectionPhrases
    passed_on: Mapping[RecipientKind, str]
    stop: Mapping[RecipientKind, str]
    to_teams: Told

    def told_to(self, kind: RecipientKind) -> Told:
        """In the words for this kind of recipient."""
        if kind is RecipientKind.NATIONAL_CERT:
            return self.to_teams
        phrases = self.phrases
        return Told(
            subject_whole=self.subject_whole,
            subject_part=self.subject_part,
            whole=phrases.whole,
            part=phrases.part,
            told=phrases.told,
            perhaps_told=phrases.perhaps_told,
            wrong=phrases.wrong,
            rest=phrases.rest,
            changed=phrases.changed,
        )
