"""Reads the rows under one header into records, with what is to be said once about all of them."""

from collections.abc import Sequence
from datetime import datetime

from services.intake.domain.formats.csv_table import cleaned, judge_width
from services.intake.domain.formats.shadowserver.columns import Plan, plan_of
from services.intake.domain.formats.shadowserver.rows import indicator_of
from services.intake.domain.formats.shadowserver.types import REPORT_TYPES
from services.intake.domain.records import Findings, Notices, Record, quoted


class ReportNotices(Notices):
    """What is to be said of all rows of a report."""

    def __init__(self, report_type: str | None) -> None:
        super().__init__()
        self._of_type = None if report_type in REPORT_TYPES else _unknown_type(report_type)

    def tell(self, fields: Sequence[str], plan: Plan, findings: Findings) -> None:
        if self._of_type:
            self.warn("report_type", "unknown-report-type", self._of_type, findings=findings)
        for column in plan.secrets:
            if fields[column.at]:
                self.warn_of_secret(column.name, findings=findings)


class RowReader:
    """Turns rows under one header into records."""

    def __init__(self, names: Sequence[str], report_type: str | None, *, notices: ReportNotices, now: datetime) -> None:
        self._plan = plan_of(names, report_type)
        self._notices = notices
        self._now = now

    def read(self, fields: list[str], findings: Findings, *, text: str) -> Record:
        """The record of one row; `text` is all of the row, from which its fields were read."""
        plan = self._plan
        missing = plan.width - len(fields)
        if missing:
            judge_width(len(fields), plan.width, findings)
        if findings.errors:
            return findings.verdict(None)
        row = [*cleaned(fields, text), *[""] * (missing + 1)]
        indicator = indicator_of(row, plan, findings, now=self._now, chars=len(text))
        self._notices.tell(row, plan, findings)
        return findings.verdict(indicator)


def _unknown_type(report_type: str | None) -> str:
    if report_type is None:
        return "no report type was given, so the records have no identifier of their own; add ?report_type="
    return f"{quoted(report_type)} is not a report type that we know; its columns are read generically"
