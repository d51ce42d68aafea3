"""What a layout of a report is, and what a report can find."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a report tells of, and the incident that it belongs to; without one a person has to look.

    `cells` are the columns that say so.
    """

    incident: str | None
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A report type. `side` stands before the columns of the asset; `port` is empty where it is a client's own.

    Without columns it is our own format, one JSON object a line.
    """

    report_type: str
    ip_version: int
    columns: tuple[str, ...] = ()
    protocol: str = "tcp"
    port: str = ""
    side: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def is_csv(self) -> bool:
        return bool(self.columns)

    def of_incident(self, incident: str | None) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.incident == incident)
