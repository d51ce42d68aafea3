"""One mail with all that is of low severity: what it says, before it has a shape."""

from collections.abc import Mapping, Sequence

import msgspec

from libs.common.vocabulary import Language
from services.notifier.domain.amount.words import AmountWords, RoundUpWords
from services.notifier.domain.attachments.attachment import Attachment
from services.notifier.domain.letter import Letter
from services.notifier.domain.notification import Notification
from services.notifier.domain.words import Words


class RoundUpLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Several letters to one recipient as one. Each keeps its reference and its page; the first names the mail."""

    letters: Sequence[Letter]
    words: RoundUpWords
    common: Words
    values: Mapping[str, str]
    subject: str
    attachments: Sequence[Attachment]

    @property
    def first(self) -> Letter:
        return self.letters[0]

    @property
    def introduction(self) -> str:
        """Who we are, if nothing has gone to this recipient before."""
        return next((letter.introduction for letter in self.letters if letter.introduction), "")

    @property
    def test_notice(self) -> str:
        return self.first.test_notice

    @property
    def notification(self) -> Notification:
        return self.first.notification

    @property
    def language(self) -> Language:
        return self.first.language

    @property
    def unsubscribe_url(self) -> str:
        return self.first.unsubscribe_url

    @property
    def answers(self) -> Notification | None:
        """The mail that this one belongs to: it is about more than any other."""
        return None

    def say(self, sentence: str) -> str:
        """A sentence with its values filled in. They are plain text still: whoever prints them has to escape them."""
        return sentence.format_map(self.values)


def round_up_of(letters: Sequence[Letter], *, words: AmountWords, common: Words) -> RoundUpLetter:
    """Put letters of one recipient together, in their order."""
    first, own = letters[0], words.round_up
    values = {**first.values, "notifications": str(len(letters))}
    subject = own.subject.format_map(values)
    return RoundUpLetter(
        letters=letters,
        words=own,
        common=common,
        values=values,
        subject=common.phrases.test_subject.format(subject=subject) if first.test_notice else subject,
        attachments=[attachment for letter in letters for attachment in letter.attachments],
    )
