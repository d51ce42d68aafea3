"""One event of IntelMQ as an indicator."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from libs.common.contracts import Asset, Indicator, Product
from libs.common.text import plain
from libs.common.vocabulary import Severity
from services.intake.domain.categories import UNDETERMINED, category_of_type
from services.intake.domain.extras import MAX_EXTRA_KEY_CHARS, bounded, names_a_secret
from services.intake.domain.formats.assets import (
    address_and_domain,
    address_in,
    original_spellings,
    tags_of_spelling,
)
from services.intake.domain.formats.intelmq.shapes import flat, is_report
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.json_values import object_of
from services.intake.domain.records import Findings, Notices, PayloadError, Record, quoted
from services.intake.domain.times import in_utc, seen_at
from services.intake.domain.values import (
    NULL_WORDS,
    asn_of,
    country_of,
    email_of,
    hostname_of,
    identifier_of,
    port_of,
    severity_of,
    tags_of,
    tlp_of,
    transport_of,
    url_of,
)

T = TypeVar("T")

# In events of these categories the port at the source is one from which a client happened to connect.
_OF_CLIENTS = frozenset(
    {
        "availability/ddos",
        "information-gathering/scanner",
        "intrusion-attempts/brute-force",
        "malicious-code/infected-system",
    }
)

_UNKNOWN_IDENTIFIER = "intelmq-unknown"
_IDENTIFIERS = ("classification.identifier", "feed.code", "classification.type")
_NO_SEVERITIES = NULL_WORDS | {"undefined"}
_ACCURACY = re.compile(r"\d{1,3}(?:\.\d{1,20})?", re.ASCII)

_MAX_NAME_CHARS = 100
_MAX_WORD_CHARS = 255
_MAX_URL_CHARS = 4096
_MAX_CVE_IDS = 50

# What becomes a field of the indicator. Of `source.account`, `source.port` and `time.observation`, see `_taken`.
_READ = frozenset(
    {
        "classification.identifier",
        "classification.taxonomy",
        "classification.type",
        "event_description.text",
        "extra.severity",
        "extra.tag",
        "feed.accuracy",
        "malware.name",
        "product.name",
        "product.vendor",
        "product.version",
        "product.vulnerabilities",
        "protocol.transport",
        "severity",
        "source.as_name",
        "source.asn",
        "source.fqdn",
        "source.geolocation.cc",
        "source.ip",
        "source.reverse_dns",
        "source.url",
        "time.source",
        "tlp",
    }
)


class EventReader:
    """Turns events into records; remembers of which secrets the submission was warned."""

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._notices = Notices()

    def read(self, value: object, findings: Findings) -> Record:
        """The record of one decoded JSON value. Raises `PayloadError` if the first one is a report and no event."""
        event = object_of(value, findings)
        if event is None:
            return findings.verdict(None)
        if findings.record == 1 and is_report(event):
            raise PayloadError(422, "unsupported-layout", "this is a report that no parser has read; send its events")
        texts = flat(event, findings)
        return findings.verdict(None if findings.errors else self._indicator(texts, findings))

    def _indicator(self, texts: Mapping[str, str], findings: Findings) -> Indicator | None:
        """The indicator; without a time, or with an asset that can't be read, `None`."""
        fields = Fields(texts, findings)
        at = _seen_at(fields, findings, now=self._now)
        category, original_category = _category(fields, findings)
        asset = _asset(fields, has_service=category not in _OF_CLIENTS)
        if at is None or findings.errors:
            return None
        tags, cve_ids = _tags(fields, findings)
        original = original_spellings(fields, ("source.ip", "source.fqdn", "source.url", "source.account"))
        return Indicator(
            seen_at=at,
            category=category,
            identifier=_identifier(fields),
            asset=asset,
            geo_country=_optional(fields, "source.geolocation.cc", country_of, what="a country code"),
            asn=_optional(fields, "source.asn", asn_of, what="an AS number"),
            as_name=_name(fields, "source.as_name", limit=200),
            severity=_severity(fields),
            cve_ids=cve_ids,
            tags=(*tags, *tags_of_spelling(fields, ["source.fqdn"], ip=asset.ip)),
            product=_product(fields),
            malware_name=_name(fields, "malware.name"),
            confidence=_optional(fields, "feed.accuracy", _confidence, what="a number from 0 to 100"),
            tlp=_optional(fields, "tlp", tlp_of, what="a TLP label"),
            description=plain(fields.raw("event_description.text"), 4000, lines=True) or None,
            extra=bounded({**dict(self._rest(texts, asset, findings)), **original, **original_category}.items()),
        )

    def _rest(self, texts: Mapping[str, str], asset: Asset, findings: Findings) -> Iterator[tuple[str, str]]:
        """Names and texts that have no field of their own, without what may be a secret."""
        taken = _taken(texts, asset)
        for name, text in texts.items():
            key = name.removeprefix("extra.").replace(".", "_")
            if names_a_secret(key):
                self._notices.warn_of_secret(plain(name, MAX_EXTRA_KEY_CHARS), findings=findings)
            elif name not in taken:
                yield key, text


def _taken(texts: Mapping[str, str], asset: Asset) -> frozenset[str]:
    account = {"source.account"} if asset.email else set()
    port = {"source.port"} if asset.port else set()
    time = set() if "time.source" in texts else {"time.observation"}
    return _READ | account | port | time


def _seen_at(fields: Fields, findings: Findings, *, now: datetime) -> datetime | None:
    """The time at the source, else when IntelMQ heard of it."""
    name = "time.source" if fields.has("time.source") or not fields.has("time.observation") else "time.observation"
    at = seen_at(fields.raw(name), field=name, findings=findings, now=now)
    if at is None:
        return None
    if name == "time.observation":
        findings.warn(name, "assumed-time", "the event has no time.source")
    return in_utc(at, field=name, findings=findings)


def _category(fields: Fields, findings: Findings) -> tuple[str, dict[str, str]]:
    """The category, for which the type suffices; one that nobody knows is kept in `extra` for the record."""
    category = category_of_type(fields.raw("classification.type"))
    if category:
        return category, {}
    said = "/".join(filter(None, (fields.raw("classification.taxonomy"), fields.raw("classification.type"))))
    found = f"{quoted(said)} is not a category that we know" if said else "the event has no classification"
    findings.warn("classification.type", "unknown-category", found)
    return UNDETERMINED, {"original_category": said}


def _identifier(fields: Fields) -> str:
    identifiers = (identifier_of(fields.raw(name)[:256]) for name in _IDENTIFIERS)
    return next(filter(None, identifiers), _UNKNOWN_IDENTIFIER)


def _asset(fields: Fields, *, has_service: bool) -> Asset:
    """The end of the event that is to be warned; without any name of it an error."""
    ip, domain = address_and_domain(fields, ip="source.ip", domain="source.fqdn")
    url = fields.reading("source.url", url_of, limit=_MAX_URL_CHARS, code="invalid-url", what="a URL")
    email = email_of(fields.raw("source.account"))
    if not (email or any(fields.has(name) for name in ("source.ip", "source.fqdn", "source.url"))):
        ip = _of_network(fields)
    return Asset(
        ip=ip,
        port=_port(fields) if has_service else None,
        transport=_optional(fields, "protocol.transport", transport_of, what="a transport protocol"),
        domain=domain,
        url=url,
        email=email,
        hostname=_optional(fields, "source.reverse_dns", hostname_of, what="a host name"),
    )


def _of_network(fields: Fields) -> str | None:
    """The one address of the network that stands where an address should; a larger one names nobody to warn."""
    if not fields.has("source.network"):
        fields.reject("source.ip", "no-asset", "the event's source has no address, domain, URL or e-mail address")
        return None
    return address_in(fields, "source.network")


def _port(fields: Fields) -> int | None:
    if fields.raw("source.port") in NULL_WORDS:
        return None
    return fields.reading("source.port", port_of, limit=10, code="invalid-port", what="a port")


def _tags(fields: Fields, findings: Findings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tags and CVE ids: those among the tags, and what the product is vulnerable to."""
    tags, tagged = tags_of(fields.raw("extra.tag"))
    strangers, named = tags_of(fields.raw("product.vulnerabilities"))
    for stranger in strangers:
        findings.discard("product.vulnerabilities", stranger, "is not a CVE id")
    return tags, tuple(dict.fromkeys((*named, *tagged)))[:_MAX_CVE_IDS]


def _severity(fields: Fields) -> Severity | None:
    name = "severity" if fields.has("severity") else "extra.severity"
    if fields.raw(name).lower() in _NO_SEVERITIES:
        return None
    return _optional(fields, name, severity_of, what="a severity")


def _product(fields: Fields) -> Product | None:
    vendor, name, version = (_name(fields, f"product.{part}") for part in ("vendor", "name", "version"))
    return Product(vendor, name, version) if vendor or name or version else None


def _optional(fields: Fields, name: str, read: Callable[[str], T | None], *, what: str) -> T | None:
    return fields.optional.reading(name, read, limit=_MAX_WORD_CHARS, code="value-discarded", what=what)


def _name(fields: Fields, name: str, *, limit: int = _MAX_NAME_CHARS) -> str | None:
    return plain(fields.raw(name), limit) or None


def _confidence(text: str) -> int | None:
    accuracy = float(text) if _ACCURACY.fullmatch(text) else None
    return None if accuracy is None or accuracy > 100 else round(accuracy)
