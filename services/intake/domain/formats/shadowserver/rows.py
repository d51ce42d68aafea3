"""One row of a Shadowserver report as an indicator; CSV and JSON share it."""

import re
from datetime import datetime
from functools import lru_cache

from libs.common.contracts import Asset, Indicator, Product
from libs.common.vocabulary import Severity
from services.intake.domain.extras import MAX_EXTRA_KEYS, MAX_EXTRA_VALUE_CHARS, bounded
from services.intake.domain.formats.cells import read_asn, read_hostname, read_ip, read_transport
from services.intake.domain.formats.shadowserver.columns import Column, Plan
from services.intake.domain.records import Findings, quoted
from services.intake.domain.times import seen_at_meaning_utc
from services.intake.domain.values import (
    NULL_WORDS,
    country_of,
    domain_of,
    email_of,
    identifier_of,
    ip_of,
    name_of,
    port_of,
    severity_of,
    tags_of,
    tags_of_ip,
    url_of,
)

_UNDETERMINED = "other/undetermined"
_UNKNOWN_IDENTIFIER = "shadowserver-unknown"
_WEBSHELL = ("intrusions/system-compromise", "exchange-server-webshell")
_OLD_EXCHANGE = ("vulnerable/vulnerable-system", "vulnerable-exchange-server")

_REQUEST_LINE = re.compile(r"[A-Z]{3,10} (\S+)(?: HTTP/\d(?:\.\d)?)?")
_NO_COUNTRY_WORDS = NULL_WORDS | {"zz", "aa", "xx"}


def indicator_of(fields: list[str], plan: Plan, findings: Findings, *, now: datetime, chars: int) -> Indicator | None:
    """The indicator of one row, or `None` with the reasons in `findings`.

    `fields` has one more field than the header has names, and that is empty; `chars` is the length of the row's text.
    """
    # Shadowserver's own times are UTC without saying so.
    at = seen_at_meaning_utc(fields[plan.seen_at.at], field="timestamp", findings=findings, now=now)
    asset = _asset(fields, plan, findings)
    tags, cve_ids = tags_of(fields[plan.tag.at])
    if at is None or asset is None:
        return None
    category, identifier = _finding(fields, plan, tags)
    return Indicator(
        seen_at=at,
        category=category,
        identifier=identifier,
        asset=asset,
        geo_country=_country(fields[plan.country.at], plan.country, findings),
        asn=read_asn(fields[plan.asn.at], plan.asn.name, findings),
        severity=_severity(fields[plan.severity.at], findings),
        cve_ids=cve_ids,
        tags=(*tags, *tags_of_ip(asset.ip)),
        product=_product(fields[plan.vendor.at], fields[plan.product.at], fields[plan.version.at]),
        malware_name=_malware(fields, plan),
        credentials=plan.report.credentials,
        extra=_extra(fields, plan, chars),
    )


def _asset(fields: list[str], plan: Plan, findings: Findings) -> Asset | None:
    errors_before = len(findings.errors)
    ip = read_ip(fields[plan.ip.at].strip(), plan.ip.name, findings)
    port = _port(fields[plan.port.at].strip(), plan.port, findings)
    transport = read_transport(
        fields[plan.protocol.at].strip() or plan.report.transport or "", plan.protocol.name, findings
    )
    hostname = read_hostname(fields[plan.hostname.at].strip(), plan.hostname.name, findings)
    domain = _domain(fields, plan, findings) if plan.domain else None
    email = _email(fields, plan, findings) if plan.email else None
    url = _url(fields, plan, findings, host=domain or ip, port=port) if plan.url else None
    if len(findings.errors) > errors_before:
        return None
    if not (ip or domain or url or email):
        findings.reject(_asset_column(plan), "no-asset", "the row names no address, domain, URL or e-mail address")
        return None
    return Asset(ip, port, transport, domain, url, None, email, hostname)


def _asset_column(plan: Plan) -> str:
    columns = (plan.ip, *plan.domain, *plan.url, *plan.email)
    return next((column.name for column in columns if column.name), "ip")


def _port(text: str, column: Column, findings: Findings) -> int | None:
    if text in NULL_WORDS:
        return None
    port = port_of(text)
    if port is None:
        findings.reject(column.name, "invalid-port", f"{quoted(text)} is not a port")
    return port


def _domain(fields: list[str], plan: Plan, findings: Findings) -> str | None:
    """The domain in the first column that has something; a victim's website may be written as a URL."""
    column, text = _first(fields, plan.domain)
    if text in NULL_WORDS or ip_of(text):
        return None
    host = text.partition("://")[2].partition("/")[0].partition(":")[0] if "://" in text else text.rstrip("/")
    domain = domain_of(host)
    if domain is None:
        findings.discard(column, text, "is not a domain")
    return domain


def _email(fields: list[str], plan: Plan, findings: Findings) -> str | None:
    for column in plan.email:
        email = email_of(fields[column.at])
        if email:
            return email
    column_name, text = _first(fields, plan.email)
    if text not in NULL_WORDS:
        findings.discard(column_name, text, "is not an e-mail address")
    return None


def _url(fields: list[str], plan: Plan, findings: Findings, *, host: str | None, port: int | None) -> str | None:
    """The URL; the column may hold only a path or a whole request line, to which `host` and `port` belong."""
    column, text = _first(fields, plan.url)
    if text in NULL_WORDS:
        return None
    request = _REQUEST_LINE.fullmatch(text)
    target = request[1] if request else text
    if target.startswith("/") and host:
        target = f"{_origin(host, port)}{target}"
    url = url_of(target)
    if url is None:
        findings.discard(column, text, "is not a URL")
    return url


def _origin(host: str, port: int | None) -> str:
    scheme = "https" if port == 443 else "http"
    authority = f"[{host}]" if ":" in host else host
    return f"{scheme}://{authority}" if port is None else f"{scheme}://{authority}:{port}"


def _first(fields: list[str], columns: tuple[Column, ...]) -> tuple[str, str]:
    """Name and content of the first of the columns that says something."""
    for column in columns:
        text = fields[column.at].strip()
        if text not in NULL_WORDS:
            return column.name, text
    return "", ""


def _country(text: str, column: Column, findings: Findings) -> str | None:
    country = country_of(text.strip())
    if country is None and text.strip().lower() not in _NO_COUNTRY_WORDS:
        findings.discard(column.name, text, "is not a country code")
    return country


def _severity(text: str, findings: Findings) -> Severity | None:
    severity = severity_of(text)
    if severity is None and text.strip().lower() not in NULL_WORDS:
        findings.discard("severity", text, "is not a severity")
    return severity


def _finding(fields: list[str], plan: Plan, tags: tuple[str, ...]) -> tuple[str, str]:
    """Category and identifier: what the type says, or for some types what the row says."""
    report = plan.report
    if report.classify == "exchange":
        return _WEBSHELL if any("webshell" in tag.lower() for tag in tags) else _OLD_EXCHANGE
    category = report.category or _UNDETERMINED
    if report.identifier:
        return category, report.identifier
    named = (tags[0] if tags else "") if plan.identifier.name == "tag" else fields[plan.identifier.at].strip()
    return category, _identifier("" if named in NULL_WORDS else named[:256], plan.report_type)


@lru_cache(maxsize=4_096)
def _identifier(named: str, report_type: str | None) -> str:
    return identifier_of(named) or identifier_of((report_type or "").replace("_", "-")) or _UNKNOWN_IDENTIFIER


def _product(vendor: str, name: str, version: str) -> Product | None:
    if not (vendor or name or version):
        return None
    product = Product(name_of(vendor), name_of(name), name_of(version))
    return product if product.vendor or product.name or product.version else None


def _malware(fields: list[str], plan: Plan) -> str | None:
    for column in plan.malware:
        name = name_of(fields[column.at])
        if name:
            return name
    return None


def _extra(fields: list[str], plan: Plan, chars: int) -> dict[str, str]:
    """Everything else that says something. Short rows, and most are, cannot exceed any bound, so none is checked."""
    extra = {"report_type": plan.report_type} if plan.report_type else {}
    for key, text in zip(plan.extra.keys, plan.extra.pick(fields), strict=False):
        value = text.strip()
        if value not in NULL_WORDS:
            extra[key] = value
    for column in plan.email:  # an account's name that is no address
        if fields[column.at] and "@" not in fields[column.at]:
            extra[column.name] = fields[column.at]
    if chars <= MAX_EXTRA_VALUE_CHARS and len(extra) < MAX_EXTRA_KEYS // 2:
        return extra
    return bounded(extra.items())
