"""One report of XARF version 4 as an indicator."""

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from libs.common.contracts import Asset, Indicator
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.xarf.details import Report, with_details
from services.intake.domain.formats.xarf.evidence import check_evidence
from services.intake.domain.formats.xarf.guarded import guarded
from services.intake.domain.formats.xarf.own import as_known_there
from services.intake.domain.formats.xarf.rules import MAX_TEXT_CHARS, Rule, a_contact, a_uuid, a_version, apply
from services.intake.domain.formats.xarf.source import identifier_of_type, source_of
from services.intake.domain.formats.xarf.types import KINDS
from services.intake.domain.records import Findings, Notices, quoted
from services.intake.domain.values import cve_of, domain_of, transport_of, url_of

_OF_ALL_TYPES: dict[str, Rule] = {
    "xarf_version": a_version,
    "report_id": a_uuid,
    "reporter": a_contact,
    "sender": a_contact,
}

_HARMFUL_BOTS = frozenset({"malicious", "unknown"})
_VISIT = "other/other"


def indicator_of(
    members: Mapping[str, object], findings: Findings, *, notices: Notices, now: datetime
) -> Indicator | None:
    """The indicator of a report, or `None`; all that is wrong with the report is in `findings`."""
    report = _report(members, findings)
    fields, optional, kind = report.fields, report.optional, report.kind
    fields.require("timestamp", code="missing-timestamp")
    reported_at = fields.time("timestamp", now=now, assume_utc=True)
    asset = _asset(report)
    _check(report)
    confidence = fields.number("confidence", low=0, high=1, code="invalid-confidence")
    check_evidence(members.get("evidence"), findings)
    if kind is None or reported_at is None or findings.errors:
        return None
    found = Indicator(
        seen_at=optional.time("last_seen", now=now, assume_utc=True) or reported_at,
        first_seen_at=optional.time("first_seen", now=now, assume_utc=True),
        category=_VISIT if _is_visit(report) else kind.category,
        identifier=_identifier(report),
        asset=asset,
        confidence=None if confidence is None else round(100 * confidence),
    )
    if kind.guarded:
        by_which_to_find_it = {name: fields.raw(name) for name in ("report_id", "ncmec_report_id")}
        return guarded(found, report_type=f"{report.category}/{report.type}", **by_which_to_find_it)
    detailed = with_details(found, report, findings, notices=notices, is_malware=not _is_visit(report))
    return as_known_there(detailed, optional)


def _report(members: Mapping[str, object], findings: Findings) -> Report:
    """What the report is; categories and types are also in use with dashes."""
    fields = Fields(members, findings)
    for name in ("category", "type"):
        fields.require(name)
    said = [fields.text(name, limit=64) for name in ("category", "type")]
    category, kind = ((text or "").lower().replace("-", "_") for text in said)
    if None not in said and (category, kind) not in KINDS:
        fields.reject("type", "unsupported-type", f"XARF 4 has no type {quoted(f'{category}/{kind}')}")
    return Report(members, fields, fields.optional, category, kind, KINDS.get((category, kind)))


def _check(report: Report) -> None:
    apply(_OF_ALL_TYPES, report.fields)
    if report.kind:
        apply(report.kind.requires, report.fields)
        if report.kind.when and report.kind.when(report.fields):
            apply(report.kind.requires_then, report.fields)


def _asset(report: Report) -> Asset:
    """The source; of content also where it is, as far as the source does not say so; of a vulnerability its port."""
    shown = not (report.kind and report.kind.guarded)
    asset = source_of(report.fields, "source_identifier", shown=shown)
    asset = replace(asset, transport=transport_of(report.fields.raw("protocol")))
    if report.category == "content":
        url, domain = _url(report, shown=shown), _domain(report, shown=shown)
        return replace(asset, url=asset.url or url, domain=asset.domain or domain)
    if report.category == "vulnerability":
        return replace(asset, port=_port(report, "service_port") or _port(report, "source_port"))
    return asset


def _url(report: Report, *, shown: bool) -> str | None:
    report.fields.require("url")
    what = "an http, https or ftp URL"
    return report.fields.reading("url", url_of, limit=MAX_TEXT_CHARS, code="invalid-url", what=what, shown=shown)


def _domain(report: Report, *, shown: bool) -> str | None:
    what = "a domain"
    return report.optional.reading("domain", domain_of, limit=253, code="invalid-domain", what=what, shown=shown)


def _port(report: Report, name: str) -> int | None:
    return report.optional.integer(name, low=1, high=65535, code="invalid-port")


def _is_visit(report: Report) -> bool:
    """`infected_host` is said of search engines and the like too. Those machines are as their owners want them."""
    return report.type == "infected_host" and report.fields.raw("bot_type") not in _HARMFUL_BOTS


def _identifier(report: Report) -> str:
    cve_id = cve_of(report.fields.raw("cve_id").strip()) if report.type == "cve" else None
    return cve_id.lower() if cve_id else identifier_of_type(report.type)
