"""One object of our own record format as an indicator; `tocsin-json`, `tocsin-ndjson` and `tocsin-csv` share it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from libs.common.contracts import Asset, Indicator, Product
from services.intake.domain.categories import category_named
from services.intake.domain.extras import bounded, free_matter
from services.intake.domain.formats.assets import MAX_ASN, NamedAsset, named_asset
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.json_values import object_of
from services.intake.domain.records import Findings, Notices, Record
from services.intake.domain.values import (
    country_of,
    cve_of,
    severity_of,
    tlp_of,
)

RECORD_FIELDS = frozenset(Indicator.__struct_fields__)
ASSET_FIELDS = frozenset(Asset.__struct_fields__)
PRODUCT_FIELDS = frozenset(Product.__struct_fields__)

# Of these an asset has at least one.
ASSETS = ("ip", "domain", "url", "asn", "email")

IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._-]{1,79}")
_NEVER = datetime(1, 1, 1, tzinfo=UTC)  # stands in rejected records only


class RecordReader:
    """Turns objects into records; remembers of which secrets the submission was warned.

    A time without a zone is an error, or with `assume_utc` a warning.
    """

    def __init__(self, *, now: datetime, assume_utc: bool = False) -> None:
        self._now = now
        self._assume_utc = assume_utc
        self._notices = Notices()

    def read(self, value: object, findings: Findings, *, defaults: Mapping[str, object]) -> Record:
        """The record of one decoded JSON value; `defaults` fill in fields that it does not have."""
        record = object_of(value, findings)
        return findings.verdict(None if record is None else self.indicator({**defaults, **record}, findings))

    def indicator(self, record: Mapping[str, object], findings: Findings) -> Indicator:
        """The indicator, as far as it can be read: all fields are looked at, whatever is wrong with the others."""
        fields = Fields(record, findings)
        fields.refuse_others(RECORD_FIELDS)
        fields.require("seen_at", code="missing-timestamp")
        fields.require("category")
        fields.require("identifier")
        named = _asset(fields)
        category, original_category = category_named(
            fields.text("category", limit=100), field="category", findings=findings
        )
        tags = fields.texts("tags", items=50, limit=100)
        return Indicator(
            seen_at=self._time(fields, "seen_at") or _NEVER,
            first_seen_at=self._time(fields, "first_seen_at"),
            category=category,
            identifier=_identifier(fields) or "",
            asset=named.asset,
            geo_country=_country(fields, findings),
            asn=fields.integer("asn", low=1, high=MAX_ASN, code="invalid-asn"),
            as_name=fields.text("as_name", limit=200),
            severity=fields.reading("severity", severity_of, limit=40, code="invalid-severity", what="a severity"),
            cve_ids=fields.readings("cve_ids", cve_of, items=50, limit=32, code="invalid-cve", what="a CVE id"),
            tags=(*tags, *named.tags),
            product=_product(fields),
            malware_name=fields.text("malware_name", limit=100),
            credentials=fields.flag("credentials"),
            confidence=fields.integer("confidence", low=0, high=100, code="invalid-confidence"),
            tlp=fields.reading("tlp", tlp_of, limit=40, code="invalid-tlp", what="a TLP label"),
            description=fields.text("description", limit=4000, lines=True),
            extra=bounded({**self._extra(fields, findings), **named.original, **original_category}.items()),
        )

    def _time(self, fields: Fields, name: str) -> datetime | None:
        return fields.time(name, now=self._now, assume_utc=self._assume_utc)

    def _extra(self, fields: Fields, findings: Findings) -> dict[str, str]:
        return free_matter(fields.mapping("extra") or {}, findings, notices=self._notices, where="extra.")


def _asset(record: Fields) -> NamedAsset:
    fields = record.member("asset")
    if fields is None:
        record.require("asset", code="no-asset")
        return NamedAsset(Asset())
    fields.refuse_others(ASSET_FIELDS)
    found = named_asset(fields)
    if not any(fields.has(name) for name in ASSETS):
        record.reject("asset", "no-asset", "one of ip, domain, url, asn and email is required")
    return found


def _identifier(fields: Fields) -> str | None:
    def read(text: str) -> str | None:
        return text if IDENTIFIER.fullmatch(text) else None

    return fields.reading("identifier", read, limit=80, code="invalid-identifier", what="like 'open-smb'")


def _country(fields: Fields, findings: Findings) -> str | None:
    """The country; whatever else stands there is nothing to refuse a record for."""
    text = fields.raw("geo_country")
    country = country_of(text)
    if fields.has("geo_country") and country is None:
        findings.discard("geo_country", text, "is not a country code")
    return country


def _product(record: Fields) -> Product | None:
    fields = record.member("product")
    if fields is None:
        return None
    fields.refuse_others(PRODUCT_FIELDS)
    return Product(*(fields.text(name, limit=100) for name in ("vendor", "name", "version")))
