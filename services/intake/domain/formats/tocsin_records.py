"""One object of our own record format as an indicator; `tocsin-json` and `tocsin-ndjson` share it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from libs.common.contracts import Asset, Indicator, Product
from libs.common.vocabulary import Severity, Tlp, Transport
from services.intake.domain.categories import UNDETERMINED, category_of
from services.intake.domain.extras import FreeMatter, bounded, originals
from services.intake.domain.formats.tocsin_fields import Fields
from services.intake.domain.lines import Unreadable
from services.intake.domain.records import Findings, Record, quoted
from services.intake.domain.values import (
    SEVERITIES,
    TLPS,
    TRANSPORTS,
    country_of,
    cve_of,
    domain_of,
    email_of,
    embeds_ipv4,
    hostname_of,
    ip_of,
    refanged,
    single_address,
    url_of,
)

_RECORD_FIELDS = frozenset(Indicator.__struct_fields__)
_ASSET_FIELDS = frozenset(Asset.__struct_fields__)
_PRODUCT_FIELDS = frozenset(Product.__struct_fields__)

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._-]{1,79}")
_MAX_ASN = 2**32 - 1
_NEVER = datetime(1, 1, 1, tzinfo=UTC)  # stands in rejected records only


class RecordReader:
    """Turns objects into records; remembers of which secrets the submission was warned."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._free = FreeMatter()

    def read(self, record: object, findings: Findings, *, defaults: Mapping[str, object]) -> Record:
        """The record of one decoded JSON value; `defaults` fill in fields that it does not have."""
        if isinstance(record, Unreadable):
            findings.reject("", record.code, record.message)
        elif not isinstance(record, dict):
            findings.reject("", "not-an-object", "the record is not an object")
        else:
            return findings.verdict(self._indicator(Fields({**defaults, **record}, findings), findings))
        return findings.verdict(None)

    def _indicator(self, fields: Fields, findings: Findings) -> Indicator:
        """The indicator, as far as it can be read: all fields are looked at, whatever is wrong with the others."""
        fields.refuse_others(_RECORD_FIELDS)
        fields.require("seen_at", code="missing-timestamp")
        fields.require("category")
        fields.require("identifier")
        asset, asset_tags, original = _asset(fields)
        category, original_category = _category(fields, findings)
        tags = fields.texts("tags", items=50, limit=100)
        return Indicator(
            seen_at=fields.time("seen_at", now=self._now) or _NEVER,
            first_seen_at=fields.time("first_seen_at", now=self._now),
            category=category,
            identifier=_identifier(fields) or "",
            asset=asset,
            geo_country=_country(fields, findings),
            asn=fields.integer("asn", low=1, high=_MAX_ASN, code="invalid-asn"),
            as_name=fields.text("as_name", limit=200),
            severity=fields.reading("severity", _severity, limit=40, code="invalid-severity", what="a severity"),
            cve_ids=fields.readings("cve_ids", cve_of, items=50, limit=32, code="invalid-cve", what="a CVE id"),
            tags=(*tags, *asset_tags),
            product=_product(fields),
            malware_name=fields.text("malware_name", limit=100),
            credentials=fields.flag("credentials"),
            confidence=fields.integer("confidence", low=0, high=100, code="invalid-confidence"),
            tlp=fields.reading("tlp", _tlp, limit=40, code="invalid-tlp", what="a TLP label"),
            description=fields.text("description", limit=4000, lines=True),
            extra=bounded({**self._extra(fields, findings), **original, **original_category}.items()),
        )

    def _extra(self, fields: Fields, findings: Findings) -> dict[str, str]:
        return self._free.texts(fields.mapping("extra") or {}, findings, where="extra.")


def _asset(record: Fields) -> tuple[Asset, tuple[str, ...], dict[str, str]]:
    """The asset, the tags that its spelling earned it, and its spelling if somebody had made it harmless."""
    fields = record.member("asset")
    if fields is None:
        record.require("asset", code="no-asset")
        return Asset(), (), {}
    fields.refuse_others(_ASSET_FIELDS)
    ip, domain = _ip_and_domain(fields)
    asset = Asset(
        ip=ip,
        port=fields.integer("port", low=1, high=65535, code="invalid-port"),
        transport=fields.reading(
            "transport", _transport, limit=40, code="invalid-transport", what="a transport protocol"
        ),
        domain=domain,
        url=fields.reading("url", url_of, limit=2048, code="invalid-url", what="an http, https or ftp URL"),
        asn=fields.integer("asn", low=1, high=_MAX_ASN, code="invalid-asn"),
        email=fields.reading("email", email_of, limit=254, code="invalid-email", what="an e-mail address"),
        hostname=fields.reading("hostname", hostname_of, limit=253, code="invalid-domain", what="a host name"),
    )
    if not any(fields.has(name) for name in ("ip", "domain", "url", "asn", "email")):
        record.reject("asset", "no-asset", "one of ip, domain, url, asn and email is required")
    tags = [*["wildcard"] * _is_wildcard(fields), *["embedded-ipv4"] * bool(ip and embeds_ipv4(ip))]
    return asset, tuple(tags), originals(fields.raw(name) for name in ("ip", "domain", "url", "email"))


def _ip_and_domain(fields: Fields) -> tuple[str | None, str | None]:
    """Both, as far as they are given. An address in the place of the domain is the address."""
    ip = _ip(fields)
    misplaced = ip_of(refanged(fields.raw("domain")))
    if misplaced:
        return ip or misplaced, None
    return ip, fields.reading("domain", domain_of, limit=253, code="invalid-domain", what="a domain")


def _ip(fields: Fields) -> str | None:
    """The address; a network counts if it has only one."""
    text = refanged(fields.raw("ip"))
    if "/" not in text:
        return fields.reading(
            "ip", lambda value: ip_of(refanged(value)), limit=64, code="invalid-ip", what="an IP address"
        )
    ip = single_address(text)
    if not ip:
        code, what = ("invalid-network", "a network") if ip is None else ("network-too-large", "a single address")
        fields.reject("ip", code, f"{quoted(text)} is not {what}")
    return ip or None


def _is_wildcard(fields: Fields) -> bool:
    return refanged(fields.raw("domain")).startswith("*.")


def _category(fields: Fields, findings: Findings) -> tuple[str, dict[str, str]]:
    """The category; one that nobody knows is kept in `extra` for the record."""
    text = fields.text("category", limit=100)
    category = category_of(text) if text is not None else ""
    if text is None or category is not None:
        return category or "", {}
    findings.warn("category", "unknown-category", f"{quoted(text)} is not a category that we know")
    return UNDETERMINED, {"original_category": text}


def _identifier(fields: Fields) -> str | None:
    def read(text: str) -> str | None:
        return text if _IDENTIFIER.fullmatch(text) else None

    return fields.reading("identifier", read, limit=80, code="invalid-identifier", what="like 'open-smb'")


def _country(fields: Fields, findings: Findings) -> str | None:
    """The country; whatever else stands there is nothing to refuse a record for."""
    text = fields.raw("geo_country")
    country = country_of(text)
    if text and country is None:
        findings.discard("geo_country", text, "is not a country code")
    return country


def _product(record: Fields) -> Product | None:
    fields = record.member("product")
    if fields is None:
        return None
    fields.refuse_others(_PRODUCT_FIELDS)
    return Product(*(fields.text(name, limit=100) for name in ("vendor", "name", "version")))


def _severity(text: str) -> Severity | None:
    return SEVERITIES.get(text.lower())


def _transport(text: str) -> Transport | None:
    return TRANSPORTS.get(text.lower())


def _tlp(text: str) -> Tlp | None:
    return TLPS.get(text.lower().removeprefix("tlp:"))
