"""Findings as CSV for machines: every column, values as they are, and still nothing that a spreadsheet would run.

A field of ours leaves only by a column here. What partners wrote in own words (`description`, `tags`, `extra`) has
none, whatever is in it: only the source port, by which the customer behind a shared address is known, and of stolen
credentials the name and the day of the leak, by which it is known which password it was.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from libs.common.contracts import HandOver, Product
from libs.common.text import plain, spreadsheet_safe
from services.notifier.domain.attachments.attachment import ROOM_BYTES, Attachment, Frame, attachment_of
from services.notifier.domain.findings import Finding, hand_over_told, leak_of, leaked_on, tlp_of
from services.notifier.domain.notification import Notification

VALUE_CHARACTERS = 2048
HIGHEST_PORT = 65535


def source_port_of(finding: Finding) -> int | None:
    """The port that the machine itself spoke from, if its record says so."""
    said = finding.target.indicator.extra.get("source_port", "")
    port = int(said) if said.isascii() and said.isdigit() and len(said) <= len(str(HIGHEST_PORT)) else 0
    return port if 1 <= port <= HIGHEST_PORT else None


def account_of(finding: Finding) -> str:
    """Whose credentials were stolen; empty for all that is something else."""
    indicator = finding.target.indicator
    return (indicator.asset.email or "") if indicator.credentials else ""


COLUMNS: Mapping[str, Callable[[Finding], object]] = {
    "report_id": lambda finding: finding.target.target_id,
    "incident": lambda finding: finding.target.incident,
    "category": lambda finding: finding.target.indicator.category,
    "identifier": lambda finding: finding.target.indicator.identifier,
    "severity": lambda finding: finding.target.severity,
    "grade": lambda finding: finding.target.grade,
    "tlp": tlp_of,
    "ip": lambda finding: finding.target.indicator.asset.ip,
    "port": lambda finding: finding.target.indicator.asset.port,
    "transport": lambda finding: finding.target.indicator.asset.transport,
    "source_port": source_port_of,
    "domain": lambda finding: finding.target.indicator.asset.domain,
    "url": lambda finding: finding.target.indicator.asset.url,
    "email": lambda finding: finding.target.indicator.asset.email,
    "host_name": lambda finding: finding.target.indicator.asset.hostname,
    "asn": lambda finding: finding.target.indicator.asset.asn or finding.target.indicator.asn,
    "country": lambda finding: finding.target.indicator.geo_country,
    "first_seen": lambda finding: rfc_3339(finding.first_seen_at),
    "last_seen": lambda finding: rfc_3339(finding.last_seen_at),
    "cve_ids": lambda finding: " ".join(finding.target.indicator.cve_ids),
    "vendor": lambda finding: _product(finding).vendor,
    "product": lambda finding: _product(finding).name,
    "version": lambda finding: _product(finding).version,
    "malware": lambda finding: finding.target.indicator.malware_name,
    "concerns": lambda finding: _handed_over(finding).organisation,
    "handed_over_because": lambda finding: _handed_over(finding).reason,
    "account": account_of,
    "leak": lambda finding: leak_of(finding.target.indicator),
    "leaked_on": lambda finding: leaked_on(finding.target.indicator),
}
"""The columns after the first, which is our reference. Names and order stay: programs rely on them."""


def table_of(findings: Sequence[Finding], notification: Notification, *, room: int = ROOM_BYTES) -> Attachment:
    """The CSV (RFC 4180, UTF-8) of a mail."""
    return attachment_of(
        _rows(findings, notification.reference),
        name=f"findings-{notification.reference}.csv",
        media_type="text/csv",
        room=room,
        frame=Frame(head=csv_line(["reference", *COLUMNS])),
    )


def _rows(findings: Sequence[Finding], reference: str) -> Iterator[bytes]:
    for finding in findings:
        yield csv_line([reference, *(_cell(value_of(finding)) for value_of in COLUMNS.values())])


def _cell(value: object) -> str:
    return "" if value is None else spreadsheet_safe(plain(str(value), VALUE_CHARACTERS))


def csv_line(cells: Sequence[str]) -> bytes:
    """One row (RFC 4180), with its line end."""
    row = io.StringIO()
    csv.writer(row).writerow(cells)
    return row.getvalue().encode()


def _product(finding: Finding) -> Product:
    return finding.target.indicator.product or Product()


def _handed_over(finding: Finding) -> HandOver:
    return hand_over_told(finding.target) or HandOver(reason="")


def rfc_3339(moment: datetime) -> str:
    """In UTC, as exact as it is."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
