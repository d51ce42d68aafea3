"""Reads the rows under one header into records, with what is to be said once about all of them."""

from collections.abc import Sequence
from datetime import datetime

from libs.common.addresses import without_url_secrets
from libs.common.text import plain
from services.intake.domain.delimited import MAX_ROW_BYTES
from services.intake.domain.formats.shadowserver_columns import Plan, plan_of
from services.intake.domain.formats.shadowserver_rows import indicator_of
from services.intake.domain.formats.shadowserver_types import REPORT_TYPES
from services.intake.domain.records import Findings, Record, quoted


class Notices:
    """Warnings about a whole submission: each is given once, with the first record that it holds for."""

    def __init__(self, report_type: str | None) -> None:
        self._of_type = None if report_type in REPORT_TYPES else _unknown_type(report_type)
        self._blanked: set[str] = set()

    def tell(self, fields: Sequence[str], plan: Plan, findings: Findings) -> None:
        if findings.errors:
            return  # a rejected record carries no warnings
        if self._of_type:
            findings.warn("report_type", "unknown-report-type", self._of_type)
            self._of_type = None
        for column in plan.secrets:
            if column.name not in self._blanked and fields[column.at]:
                self._blanked.add(column.name)
                findings.warn(
                    column.name, "redacted-secret", "the column may hold secrets; its values are not taken in"
                )


class RowReader:
    """Turns rows under one header into records."""

    def __init__(self, names: Sequence[str], report_type: str | None, *, notices: Notices, now: datetime) -> None:
        self._plan = plan_of(names, report_type)
        self._notices = notices
        self._now = now

    def read(self, fields: list[str], findings: Findings, *, text: str) -> Record:
        """The record of one row; `text` is all of the row, from which its fields were read."""
        plan = self._plan
        missing = plan.width - len(fields)
        if missing:
            _judge_width(len(fields), plan.width, findings)
        if findings.errors:
            return findings.verdict(None)
        row = [*_cleaned(fields, text), *[""] * (missing + 1)]
        indicator = indicator_of(row, plan, findings, now=self._now, chars=len(text))
        self._notices.tell(row, plan, findings)
        return findings.verdict(indicator)


def _judge_width(width: int, expected: int, findings: Findings) -> None:
    """Some official rows are one field short. A row without half of its fields is torn, or none of this report."""
    found = f"the row has {width} fields, the header {expected}"
    if width > expected:
        findings.reject("", "too-many-fields", found)
    elif width < expected / 2:
        findings.reject("", "too-few-fields", found)
    else:
        findings.warn("", "short-row", f"{found}; the missing ones are read as empty")


def _cleaned(fields: list[str], text: str) -> list[str]:
    """Fields of printable text without secrets in their URLs. For most rows a look at the whole of it is enough."""
    if not (text.isascii() and text.isprintable()):
        fields = [plain(field, MAX_ROW_BYTES) for field in fields]
    if "://" in text or "?" in text:
        fields = [without_url_secrets(field) for field in fields]
    return fields


def _unknown_type(report_type: str | None) -> str:
    if report_type is None:
        return "no report type was given, so the records have no identifier of their own; add ?report_type="
    return f"{quoted(report_type)} is not a report type that we know; its columns are read generically"
