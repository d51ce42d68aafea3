"""What is said of amounts in one language: a content file of `templates/amount/` in typed form."""

from collections.abc import Mapping

import msgspec

from services.notifier.domain.amount.repeats import Again
from services.notifier.domain.words import Counted


class ReminderWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The subject of a reminder, and what it says first, by why it is one and how often we wrote before."""

    subject: str
    notices: Mapping[Again, Counted]


class RoundUpWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a mail says that carries several notifications, in the order of the mail."""

    brand_line: str
    subject: str
    introduction: str
    contents: str
    place: str
    act: str
    answer: str
    stop: str


class AmountWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All words of one language. `{names}` in them are filled in from the values of a letter."""

    reminder: ReminderWords
    round_up: RoundUpWords
