"""A letter that reminds: it says so first of all, and belongs to the first mail about the same."""

import msgspec

from services.notifier.domain.amount.words import ReminderWords
from services.notifier.domain.letter import Letter
from services.notifier.domain.notification import Consignment
from services.notifier.domain.words import Words


def as_reminder(letter: Letter, consignment: Consignment, *, words: ReminderWords, common: Words) -> Letter:
    """The letter as a reminder, if it is one: whoever has not got the first mail is not reminded of it."""
    reminder, original = consignment.notification.reminder, consignment.original
    if reminder is None or original is None or original.sent_at is None:
        return letter
    told = {"original": original.reference, "told_on": common.on(original.sent_at), "mails": str(reminder.mails)}
    notice = words.notices[reminder.again].for_count(reminder.mails)
    return msgspec.structs.replace(
        letter,
        subject=words.subject.format(subject=letter.subject),
        reminder=notice.format_map({**letter.values, **told}),
        answers=original,
    )
