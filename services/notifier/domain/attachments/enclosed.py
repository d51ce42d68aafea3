"""Which files a mail carries, by whom it is for, and the sentence about them."""

from collections.abc import Sequence

import msgspec

from libs.common.vocabulary import NotificationKind, RecipientKind
from services.notifier.domain.attachments.attachment import Attachment
from services.notifier.domain.attachments.spreadsheet import spreadsheet_of
from services.notifier.domain.attachments.table import table_of
from services.notifier.domain.attachments.xarf import Sender, reports_of
from services.notifier.domain.findings import FINDINGS_IN_MAIL, Finding
from services.notifier.domain.house import House
from services.notifier.domain.notification import Notification
from services.notifier.domain.words import Words


class Enclosed(msgspec.Struct, frozen=True):
    """The files, and what the mail says of those that are for machines; nothing of a spreadsheet, which people open."""

    attachments: Sequence[Attachment]
    sentence: str = ""


def enclosed_in(
    notification: Notification, findings: Sequence[Finding], *, words: Words, house: House, spreadsheet_name: str = ""
) -> Enclosed:
    """An organisation gets a spreadsheet of what does not fit into its mail, and all others everything for machines.

    A correction has no reports: whoever reads them would take what we withdraw for news.
    """
    if notification.recipient.kind is RecipientKind.ORGANISATION:
        name = (spreadsheet_name or words.phrases.attachment_name).format(reference=notification.reference)
        is_in_part = len(findings) > FINDINGS_IN_MAIL
        return Enclosed([spreadsheet_of(findings, words, name=name)] if is_in_part else [])
    files = [table_of(findings, notification)]
    if notification.kind is NotificationKind.WARNING:
        files.append(reports_of(findings, notification, _sender(house, notification)))
    return Enclosed(files, _sentence(files, findings, words))


def _sender(house: House, notification: Notification) -> Sender:
    return Sender(org=house.name, contact=house.desk_address_about(notification.reference), domain=house.mail_domain)


def _sentence(files: Sequence[Attachment], findings: Sequence[Finding], words: Words) -> str:
    phrases = words.phrases
    labels = (phrases.attached_table, phrases.attached_reports)
    named = [label.format(file=file.name) for label, file in zip(labels, files, strict=False)]
    said = phrases.attached.format(files=", ".join(named))
    told = min(file.told for file in files)
    return said if told == len(findings) else f"{said} {phrases.attached_part.format(told=told, count=len(findings))}"
