"""Findings as a table that people open, in their words."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from libs.common.text import spreadsheet_safe
from services.notifier.domain.attachments.attachment import ROOM_BYTES, Attachment, Frame, attachment_of
from services.notifier.domain.attachments.table import csv_line
from services.notifier.domain.findings import Finding
from services.notifier.domain.words import Words

PLAIN_BYTES = 4 * 1024 * 1024
"""What is larger is packed. People open it themselves, so it stays as it is for longer than what programs read."""


def spreadsheet_of(findings: Sequence[Finding], words: Words, *, name: str, room: int = ROOM_BYTES) -> Attachment:
    """All findings as CSV (RFC 4180, UTF-8 with a mark, so that Excel reads it); no cell can start a formula."""
    return attachment_of(
        (csv_line([*map(spreadsheet_safe, _row(finding))]) for finding in findings),
        name=name,
        media_type="text/csv",
        room=room,
        frame=Frame(head=b"\xef\xbb\xbf" + csv_line(msgspec.structs.astuple(words.columns))),
        plain=PLAIN_BYTES,
    )


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.where,
        finding.port,
        finding.what,
        _rfc_3339(finding.first_seen_at),
        _rfc_3339(finding.last_seen_at),
        finding.source,
        "; ".join(finding.because),
        finding.again,
    )


def _rfc_3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
