"""X-ARF 0.x: a complaint as lines of names and values, in a part that is called report.txt."""

import re
from datetime import datetime

from libs.common.contracts import Indicator
from libs.common.text import plain
from services.intake.domain.categories import UNDETERMINED
from services.intake.domain.extras import bounded
from services.intake.domain.formats.assets import original_spellings, tags_of_spelling
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.xarf.source import identifier_of_type, source_of
from services.intake.domain.formats.xarf.types import KINDS
from services.intake.domain.lines import with_head
from services.intake.domain.mime import Part
from services.intake.domain.records import Findings, Record, quoted
from services.intake.domain.times import seen_at_in_mail

FILE_NAME = "report.txt"
MARKS = ("X-XARF", "X-ARF")
"""The fields of a mail's header that announce such a report."""

# The names that the types have in later versions.
_TYPES = {
    "login-attack": ("connection", "login_attack"),
    "malware-attack": ("content", "malware"),
    "phishing": ("content", "phishing"),
    "portscan": ("connection", "port_scan"),
}

_MAX_REPORT_BYTES = 64 * 1024
_MAX_VALUE_CHARS = 2048
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,63}):[ \t]+(.*)")


def record_of(part: Part, *, now: datetime) -> Record:
    """The one record that a report is."""
    values = _values(part)
    findings = Findings(1, part.line)
    fields = Fields(values, findings)
    at = seen_at_in_mail(values.get("Date", ""), field="Date", findings=findings, now=now)
    asset = source_of(fields, "Source")
    fields.require("Report-Type")
    if at is None or findings.errors:
        return findings.verdict(None)
    said = values["Report-Type"]
    known = _TYPES.get(said.lower())
    if known is None:
        findings.warn("Report-Type", "unknown-category", f"{quoted(said)} is not a type that we know")
    return findings.verdict(
        Indicator(
            seen_at=at,
            category=KINDS[known].category if known else UNDETERMINED,
            identifier=identifier_of_type(known[1] if known else said),
            asset=asset,
            tags=tags_of_spelling(fields, ["Source"], ip=asset.ip),
            extra=_extra(values, fields),
        )
    )


def _values(part: Part) -> dict[str, str]:
    """The lines, as far as they are `Name: value`: more of YAML is not in use, and would be a way in."""
    content, _ = with_head(part.content(), _MAX_REPORT_BYTES)
    values: dict[str, str] = {}
    for line in content[:_MAX_REPORT_BYTES].decode("utf-8", errors="replace").splitlines():
        if match := _LINE.fullmatch(line):
            values.setdefault(match[1], _unquoted(plain(match[2], _MAX_VALUE_CHARS)))
    return {name: value for name, value in values.items() if value}


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if is_quoted else value


def _extra(values: dict[str, str], fields: Fields) -> dict[str, str]:
    """What it is about, and with what it was found; not who complains, and no link."""
    named = {
        "report_type": "/".join(filter(None, (values.get("Category"), values["Report-Type"]))),
        "report_id": values.get("Report-ID", ""),
        "user_agent": values.get("User-Agent", ""),
        "service": values.get("Service", ""),
        "port": values.get("Port", ""),
        **original_spellings(fields, ["Source"]),
    }
    return bounded(named.items())
