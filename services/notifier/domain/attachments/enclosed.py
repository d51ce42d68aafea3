"""Which files a mail carries, by whom it is for, and the sentence about them."""

from collections.abc import Sequence

import msgspec

from libs.common.vocabulary import NotificationKind, RecipientKind
from services.notifier.domain.attachments.attachment import ROOM_BYTES, Attachment
from services.notifier.domain.attachments.spreadsheet import spreadsheet_of
from services.notifier.domain.attachments.table import table_of
from services.notifier.domain.attachments.xarf import Sender, reports_of
from services.notifier.domain.findings import FINDINGS_IN_MAIL, Finding
from services.notifier.domain.house import House
from services.notifier.domain.notification import Notification
from services.notifier.domain.words import Words


class Enclosed(msgspec.Struct, frozen=True):
    """The files, and what the mail says of those that are for machines, packed, or not complete."""

    attachments: Sequence[Attachment]
    sentence: str = ""


def enclosed_in(
    notification: Notification,
    findings: Sequence[Finding],
    *,
    words: Words,
    house: House,
    room: int = ROOM_BYTES,
    spreadsheet_name: str = "",
) -> Enclosed:
    """An organisation gets a spreadsheet of what does not fit into its mail, and all others everything for machines.

    A correction has no reports: whoever reads them would take what we withdraw for news. Reports have what room the
    table leaves, which is to hold everything.
    """
    if notification.recipient.kind is RecipientKind.ORGANISATION:
        if len(findings) <= FINDINGS_IN_MAIL:
            return Enclosed([])
        name = (spreadsheet_name or words.phrases.attachment_name).format(reference=notification.reference)
        spreadsheet = spreadsheet_of(findings, words, name=name, room=room)
        return Enclosed([spreadsheet], _of_spreadsheet(spreadsheet, findings, words))
    table = table_of(findings, notification, room=room)
    if notification.kind is not NotificationKind.WARNING:
        return Enclosed([table], _of_files([table], findings, words))
    left = room - len(table.content)
    reports = reports_of(findings, notification, _sender(house, notification), room=left)
    files = [table, reports] if reports.told else [table]
    return Enclosed(files, _of_files(files, findings, words))


def _sender(house: House, notification: Notification) -> Sender:
    return Sender(org=house.name, contact=house.desk_address_about(notification.reference), domain=house.mail_domain)


def _of_spreadsheet(spreadsheet: Attachment, findings: Sequence[Finding], words: Words) -> str:
    """Nothing of one that can be opened as it is, and has everything."""
    said = words.phrases.attached_packed if spreadsheet.is_packed else ""
    return f"{said} {_of_rest(spreadsheet, findings, words)}".strip()


def _of_files(files: Sequence[Attachment], findings: Sequence[Finding], words: Words) -> str:
    phrases = words.phrases
    labels = (phrases.attached_table, phrases.attached_reports)
    named = [label.format(file=file.name) for label, file in zip(labels, files, strict=False)]
    said = phrases.attached.format(files=", ".join(named))
    table, *reports = files
    if reports and reports[0].told < table.told == len(findings):
        return f"{said} {phrases.attached_reports_part.format(told=reports[0].told, count=len(findings))}"
    return f"{said} {_of_rest(min(files, key=lambda file: file.told), findings, words)}".strip()


def _of_rest(file: Attachment, findings: Sequence[Finding], words: Words) -> str:
    is_whole = file.told == len(findings)
    return "" if is_whole else words.phrases.attached_part.format(told=file.told, count=len(findings))
