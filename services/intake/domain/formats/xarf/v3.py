"""One report of XARF version 3 as an indicator: straight, since much of what version 4 requires was not in it."""

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from libs.common.contracts import Asset, Indicator
from services.intake.domain.categories import UNDETERMINED
from services.intake.domain.extras import bounded, free_matter
from services.intake.domain.formats.assets import original_spellings, tags_of_spelling
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.xarf.guarded import guarded
from services.intake.domain.formats.xarf.source import (
    MAX_NAME_CHARS,
    details,
    identifier_of_type,
    source_of,
    without_blanks,
)
from services.intake.domain.formats.xarf.types import KINDS
from services.intake.domain.records import Findings, Notices, quoted
from services.intake.domain.values import transport_of, url_of

_VERSIONS = frozenset({"3", "3.0", "3.0.0"})

# The types, in letters only: spellings differ in capitals and in what stands between the words.
_TYPES = {
    "spam": ("messaging", "spam"),
    "loginattack": ("connection", "login_attack"),
    "portscan": ("connection", "port_scan"),
    "ddos": ("connection", "ddos"),
    "phishing": ("content", "phishing"),
    "malware": ("content", "malware"),
    "botnet": ("infrastructure", "botnet"),
    "copyright": ("copyright", "copyright"),
}
_NO_LETTER = re.compile(r"[^a-z]")
_GUARDED = re.compile(r"child|csam|csem")

# Where reporters write the source, the one to believe first.
_SOURCES = ("Source.IP", "SourceIp", "SourceIP", "Source.URL", "Url")

_MAPPED = frozenset({"Date", "ReportType", "Samples", "Attachment", "Evidence"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def indicator_of(
    members: Mapping[str, object], findings: Findings, *, notices: Notices, now: datetime
) -> Indicator | None:
    """The indicator of a report, or `None`; all that is wrong with the report is in `findings`."""
    envelope = Fields(members, findings)
    _check_version(envelope, members.get("Version"))
    for name in ("ReporterInfo", "Report"):
        envelope.require(name)
    reporter, report = envelope.member("ReporterInfo"), envelope.mapping("Report")
    if report is None:
        return None
    flat = _flat(report)
    fields = Fields(flat, findings, where="Report.")
    found = _finding(fields, findings, now=now)
    if reporter is None or found is None or found.tlp:
        return found
    org = reporter.raw("ReporterOrg") if members.get("Disclosure") is not False else ""
    rest = free_matter(_rest(flat, fields, found.asset), findings, notices=notices)
    return replace(found, extra=bounded([*found.extra.items(), ("reporter.org", org), *rest.items()]))


def _finding(fields: Fields, findings: Findings, *, now: datetime) -> Indicator | None:
    """What, where and when; of a guarded report that is all there will be."""
    fields.require("ReportType")
    said = fields.text("ReportType", limit=200) or ""
    word = _NO_LETTER.sub("", said.lower())
    is_guarded = _GUARDED.search(word) is not None
    fields.require("Date", code="missing-timestamp")
    seen_at = fields.time("Date", now=now, assume_utc=True)
    asset = source_of(fields, _source(fields), shown=not is_guarded)
    if seen_at is None or findings.errors:
        return None
    category, kind = _TYPES.get(word, ("", said))
    found = Indicator(
        seen_at=seen_at,
        category=KINDS[category, kind].category if category else UNDETERMINED,
        identifier=identifier_of_type(kind),
        asset=asset,
    )
    if is_guarded:
        return guarded(found, report_type=said, report_id=fields.raw("ReportID"))
    if not category:
        findings.warn("Report.ReportType", "unknown-category", f"{quoted(said)} is not a type that we know")
    url = url_of(fields.raw("Url")) if category == "content" else None
    return replace(
        found,
        asset=replace(asset, url=asset.url or url, transport=transport_of(fields.raw("Protocol"))),
        tags=tags_of_spelling(fields, [_source(fields)], ip=asset.ip),
        extra={"report_type": f"{category}/{kind}" if category else said, **original_spellings(fields, _SOURCES)},
    )


def _check_version(envelope: Fields, version: object) -> None:
    envelope.require("Version")
    text = str(version) if isinstance(version, str | int | float) else ""
    if version is not None and text not in _VERSIONS:
        envelope.reject("Version", "invalid-value", f"{quoted(text)} is not version 3 of XARF")


def _flat(report: Mapping[str, object]) -> Mapping[str, object]:
    """The report, with the members of its source beside the others."""
    source = report.get("Source")
    inner = source if isinstance(source, dict) else {}
    named = {"SourcePort" if name == "Port" else f"Source.{name}": value for name, value in inner.items()}
    return without_blanks({name: value for name, value in {**report, **named}.items() if name != "Source"})


def _source(fields: Fields) -> str:
    return next(filter(fields.has, _SOURCES), "SourceIp")


def _rest(report: Mapping[str, object], fields: Fields, asset: Asset) -> dict[str, object]:
    """All else, in the spelling of version 4: `destination_ip` for `DestinationIp`."""
    mapped = {*_MAPPED, _source(fields), *["Url"] * bool(asset.url), *["Protocol"] * bool(asset.transport)}
    return details({_snake(name): value for name, value in report.items() if name not in mapped})


def _snake(name: str) -> str:
    return _HUMP.sub("_", name[:MAX_NAME_CHARS]).lower()
