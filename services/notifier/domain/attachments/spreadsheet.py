"""Findings as a table that people open, in their words."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from libs.common.text import spreadsheet_safe
from services.notifier.domain.attachments.attachment import Attachment
from services.notifier.domain.findings import Finding
from services.notifier.domain.words import Words


def spreadsheet_of(findings: Sequence[Finding], words: Words, *, name: str) -> Attachment:
    """All findings as CSV (RFC 4180, UTF-8 with a mark, so that Excel reads it); no cell can start a formula."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(msgspec.structs.astuple(words.columns))
    writer.writerows(tuple(map(spreadsheet_safe, _row(finding))) for finding in findings)
    content = b"\xef\xbb\xbf" + table.getvalue().encode()
    return Attachment(name=name, media_type="text/csv", content=content, told=len(findings))


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
