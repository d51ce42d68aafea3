"""What a correction says, before it has a shape: which of our mails was wrong, and about what."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from libs.common.errors import Permanent
from libs.common.text import plain
from libs.common.vocabulary import Language
from services.notifier.domain.attachments.attachment import ROOM_BYTES, Attachment
from services.notifier.domain.attachments.enclosed import enclosed_in
from services.notifier.domain.corrections.words import CorrectionWords
from services.notifier.domain.findings import FINDINGS_IN_MAIL, Finding, findings_of
from services.notifier.domain.house import House
from services.notifier.domain.letter import (
    NAME_CHARACTERS,
    TITLE_CHARACTERS,
    Tokens,
    advisory_in,
    places_of,
    tlp_of_all,
)
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.domain.words import Words

T = TypeVar("T")


class CorrectionLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One correction's content. Templates put it in its place and add no word of their own.

    `wrong` are the first ten findings that were; where there are more, one of the `attachments` holds them all, and
    `attached` says in a sentence what there is for machines. `rest` says that
    what else stood in the original holds, and is empty where nothing is left of it.
    """

    notification: Notification
    original: Notification
    words: CorrectionWords
    common: Words
    values: Mapping[str, str]
    subject: str
    title: str
    greeting: str
    told: str
    verdict: str
    changed: str
    wrong: Sequence[Finding]
    rest: str
    passed_on: str
    stop: str
    unsubscribe_url: str
    attachments: Sequence[Attachment]
    is_in_part: bool
    attached: str
    test_notice: str = ""

    @property
    def language(self) -> Language:
        return self.notification.recipient.language

    @property
    def answers(self) -> Notification:
        """The mail that this one belongs to, so that programs show the two together."""
        return self.original

    def say(self, sentence: str) -> str:
        """A sentence with its values filled in. They are plain text still: whoever prints them has to escape them."""
        return sentence.format_map(self.values)


def correction_of(
    consignment: Consignment,
    *,
    words: CorrectionWords,
    common: Words,
    house: House,
    tokens: Tokens,
    room: int = ROOM_BYTES,
) -> CorrectionLetter:
    """Write the letter. Values from partners, registries and recipients come out as plain, defanged, bounded text.

    Raises `Permanent` for what corrects nothing.
    """
    notification, original, phrases = consignment.notification, consignment.original, words.phrases
    if original is None:
        raise Permanent("it corrects nothing")
    kind = common.kinds[notification.recipient.kind]
    told = words.told_to(notification.recipient.kind)
    findings = findings_of(consignment.targets, common)
    values = _values(consignment, original, findings=findings, common=common, house=house)
    name = phrases.attachment_name
    enclosed = enclosed_in(notification, findings, words=common, house=house, room=room, spreadsheet_name=name)
    in_part = consignment.rest_holds
    subject = _either(in_part, told.subject_part, told.subject_whole).format_map(values)
    return CorrectionLetter(
        notification=notification,
        original=original,
        words=words,
        common=common,
        values=values,
        subject=common.phrases.test_subject.format(subject=subject) if notification.is_test else subject,
        title=_either(in_part, told.part, told.whole).format_map(values),
        greeting=kind.greeting.format_map(values),
        told=_either(original.sent_at is None, told.perhaps_told, told.told).format_map(values),
        verdict=told.wrong.for_count(places_of(findings)).format_map(values),
        wrong=findings[:FINDINGS_IN_MAIL],
        changed=told.changed.format_map(values),
        rest=told.rest.format_map(values) if in_part else "",
        passed_on=words.passed_on[notification.recipient.kind].format_map(values),
        unsubscribe_url=f"{house.public_url}/u/{tokens.recipient}",
        stop=words.stop[notification.recipient.kind],
        attachments=enclosed.attachments,
        is_in_part=len(findings) > FINDINGS_IN_MAIL,
        attached=enclosed.sentence,
        test_notice=kind.test_notice.format_map(values) if notification.is_test else "",
    )


def _either(condition: bool, this: T, that: T) -> T:
    return this if condition else that


def _values(
    consignment: Consignment, original: Notification, *, findings: Sequence[Finding], common: Words, house: House
) -> dict[str, str]:
    notification = consignment.notification
    recipient = notification.recipient
    advisory, _ = advisory_in(consignment.incident, recipient.language)
    title = plain(advisory.title, TITLE_CHARACTERS)
    name = common.kinds[recipient.kind].stand_in if notification.is_test else recipient.name
    return {
        "name": plain(name, NAME_CHARACTERS),
        "partner": recipient.test_of or "",
        "title": title,
        "title_lowered": common.lowered_start(title),
        "told_on": common.on(original.sent_at or original.queued_at or original.created_at),
        "original": original.reference,
        "reference": notification.reference,
        "tlp": tlp_of_all(findings).value.upper(),
        "where": findings[0].where if findings else "",
        "count": str(len(findings)),
        "rest": str(max(0, len(findings) - FINDINGS_IN_MAIL)),
        "sender": house.name,
        "desk_address": house.desk_address,
        "verify_address": house.verify_address,
    }
