"""What a report of XARF version 4 says beside what, where and when: all of it optional, so nothing here sinks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from libs.common.contracts import Indicator, Product
from libs.common.text import plain
from libs.common.vocabulary import Severity
from services.intake.domain.extras import bounded, free_matter
from services.intake.domain.formats.assets import MAX_ASN, original_spellings, tags_of_spelling
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.xarf.rules import MAX_TEXT_CHARS
from services.intake.domain.formats.xarf.source import details
from services.intake.domain.formats.xarf.types import Kind
from services.intake.domain.records import Findings, Notices
from services.intake.domain.values import (
    country_of,
    cve_of,
    domain_of,
    severity_of,
    url_of,
)

# What has a place of its own in the indicator, or none at all, whatever the type.
_MAPPED = frozenset(
    {
        "xarf_version",
        "legacy_version",
        "timestamp",
        "reporter",
        "sender",
        "source_identifier",
        "category",
        "type",
        "evidence",
        "_internal",
        "report_type",
        "original",
        "tags",
        "description",
        "confidence",
        "first_seen",
        "last_seen",
        "severity",
        "risk_level",
        "cve_id",
        "cve_ids",
        "exploit_cve",
        "malware_family",
        "asn",
        "country_code",
        "tocsin",
    }
)

_CVSS = ((9, Severity.CRITICAL), (7, Severity.HIGH), (4, Severity.MEDIUM))

# Where somebody may have made an address harmless.
_SPELT = ("source_identifier",)
_SPELT_IN_CONTENT = ("source_identifier", "url", "domain")

_MAX_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class Report:
    """A report while it is read: as it came, its fields, those of them that may be wrong, and of what type it is."""

    members: Mapping[str, object]
    fields: Fields
    optional: Fields
    category: str
    type: str
    kind: Kind | None


def with_details(
    found: Indicator, report: Report, findings: Findings, *, notices: Notices, is_malware: bool
) -> Indicator:
    """`found`, with all else that the report says. A bot's name is that of malware only if `is_malware`."""
    optional = report.optional
    spelt = _SPELT_IN_CONTENT if report.category == "content" else _SPELT
    bot_name = _name(optional, "bot_name") if is_malware else None
    mapped = _mapped(found, report, is_malware=is_malware)
    rest = details({name: value for name, value in report.members.items() if name not in mapped})
    return replace(
        found,
        geo_country=optional.reading(
            "country_code", country_of, limit=40, code="value-discarded", what="a country code"
        ),
        asn=optional.integer("asn", low=1, high=MAX_ASN, code="invalid-asn"),
        severity=_severity(optional),
        cve_ids=_cve_ids(optional),
        tags=(*optional.texts("tags", items=50, limit=100), *tags_of_spelling(report.fields, spelt, ip=found.asset.ip)),
        product=_product(optional) if report.category == "vulnerability" else None,
        malware_name=_name(optional, "malware_family") or bot_name,
        description=optional.text("description", limit=4000, lines=True),
        extra=bounded(
            [
                *_origin(report),
                *original_spellings(report.fields, spelt).items(),
                *free_matter(rest, findings, notices=notices).items(),
            ]
        ),
    )


def _origin(report: Report) -> Iterator[tuple[str, str]]:
    yield "report_type", f"{report.category}/{report.type}"
    if reporter := report.fields.member("reporter"):
        yield "reporter.org", reporter.raw("org")
    own = report.members.get("tocsin")
    if isinstance(own, dict) and isinstance(own.get("reference"), str):
        yield "tocsin.reference", own["reference"]


def _mapped(found: Indicator, report: Report, *, is_malware: bool) -> frozenset[str]:
    """The fields that are in the indicator already, so that `extra` need not repeat them."""
    is_content, is_vulnerability = report.category == "content", report.category == "vulnerability"
    fields = report.fields
    sometimes = {
        "protocol": found.asset.transport is not None,
        "url": is_content and url_of(fields.raw("url")) == found.asset.url,
        "domain": is_content and domain_of(fields.raw("domain")) in (found.asset.domain, None),
        "service": is_vulnerability,
        "service_version": is_vulnerability,
        "service_port": is_vulnerability,
        "source_port": is_vulnerability and not fields.has("service_port"),
        "bot_name": is_malware,
    }
    return _MAPPED.union(name for name, is_mapped in sometimes.items() if is_mapped)


def _severity(optional: Fields) -> Severity | None:
    """What the report says, else what the score says on the qualitative scale of CVSS 3.1."""
    for name in ("severity", "risk_level"):
        severity = optional.reading(name, _severity_of, limit=40, code="invalid-severity", what="a severity")
        if severity:
            return severity
    score = optional.number("cvss_score", low=0, high=10, code="invalid-severity") or 0
    return next((severity for least, severity in _CVSS if score >= least), Severity.LOW if score else None)


def _severity_of(text: str) -> Severity | None:
    word = text.strip().lower()
    return Severity.INFO if word == "informational" else severity_of(word)


def _cve_ids(optional: Fields) -> tuple[str, ...]:
    single = optional.reading("cve_id", cve_of, limit=32, code="invalid-cve", what="a CVE id")
    several = [
        cve_id
        for name in ("cve_ids", "exploit_cve")
        for cve_id in optional.readings(name, cve_of, items=50, limit=32, code="invalid-cve", what="a CVE id")
    ]
    return tuple(dict.fromkeys([single, *several] if single else several))


def _product(optional: Fields) -> Product | None:
    name, version = _name(optional, "service"), _name(optional, "service_version")
    return Product(name=name, version=version) if name or version else None


def _name(optional: Fields, field: str) -> str | None:
    return plain(optional.text(field, limit=MAX_TEXT_CHARS) or "", _MAX_NAME_CHARS) or None
