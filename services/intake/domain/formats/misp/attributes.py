"""One attribute of a MISP event as an indicator."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from libs.common.contracts import Indicator
from libs.common.text import plain
from libs.common.vocabulary import Severity, Tlp
from services.intake.domain.categories import category_named, identifier_of_category
from services.intake.domain.extras import bounded
from services.intake.domain.formats.assets import named_asset
from services.intake.domain.formats.format import ParseOptions
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.formats.misp.events import Attribute
from services.intake.domain.formats.tags import first_of
from services.intake.domain.partners import AssetsAre
from services.intake.domain.records import Findings
from services.intake.domain.times import optional_time, seen_at_in_utc, seen_at_unix
from services.intake.domain.values import NULL_WORDS, asn_of, port_of

# What a value of each type that is taken consists of. A source's port is that of a client: nothing listens there.
PARTS_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "ip-src": ("ip",),
    "ip-dst": ("ip",),
    "ip-src|port": ("ip", "source_port"),
    "ip-dst|port": ("ip", "port"),
    "domain": ("domain",),
    "hostname": ("domain",),
    "domain|ip": ("domain", "ip"),
    "hostname|port": ("domain", "port"),
    "url": ("url",),
    "email": ("email",),
    "email-src": ("email",),
    "email-dst": ("email",),
    "target-email": ("email",),
    "AS": ("asn",),
}

_NUMBERS: Mapping[str, Callable[[str], int | None]] = {"port": port_of, "source_port": port_of, "asn": asn_of}
_OLD_PAIR = re.compile(r"(\[[^\[\]]+\]|[^:]+):(\d{1,5})", re.ASCII)

_SIGHTED = "0"
_SIGHTINGS_AGAINST = {"1": "is a false positive", "2": "has expired"}

_SEVERITY_OF_LEVEL = {"1": Severity.HIGH, "2": Severity.MEDIUM, "3": Severity.LOW}
_HALF_SURE = 50


def indicator_of(attribute: Attribute, findings: Findings, options: ParseOptions) -> Indicator | None:
    """The indicator, or `None` with the reasons in `findings`. The attribute is of a type in `PARTS_OF_TYPE`."""
    if withdrawal := _withdrawal(attribute):
        field, message = withdrawal
        findings.reject(field, "withdrawn", message)
        return None
    values = _values(attribute)
    named = named_asset(Fields(values, findings, where="value."))
    at = _seen_at(attribute, findings, now=options.now)
    if at is None or findings.errors:
        return None
    tags = attribute.own_tags.before(attribute.around.tags)
    category, original_category = category_named(tags.category, field="Tag", findings=findings)
    cve_ids = first_of(tags.cve_ids, attribute.around.cve_ids)
    return Indicator(
        seen_at=at,
        first_seen_at=optional_time(attribute.text("first_seen"), field="first_seen", findings=findings),
        category=category,
        identifier=identifier_of_category(category, cve_ids),
        asset=named.asset,
        severity=_SEVERITY_OF_LEVEL.get(attribute.around.threat_level),
        cve_ids=cve_ids,
        tags=(*tags.others, *named.tags),
        confidence=_confidence(attribute, options.assets_are),
        tlp=Tlp.RED if attribute.is_private else tags.tlp,
        description=_description(attribute),
        extra=bounded(
            {**_extra(attribute), **_source_port(values, findings), **named.original, **original_category}.items()
        ),
    )


def _withdrawal(attribute: Attribute) -> tuple[str, str] | None:
    """What says that the attribute no longer holds, and how."""
    _, newest = max(attribute.sightings, default=(0, _SIGHTED))
    if attribute.is_deleted:
        return "deleted", "the attribute is deleted"
    if newest in _SIGHTINGS_AGAINST:
        return "Sighting", f"the newest sighting says that it {_SIGHTINGS_AGAINST[newest]}"
    return None


def _values(attribute: Attribute) -> dict[str, object]:
    """The value taken apart, with the names of `Asset`. What should be a number and is none stays as it is."""
    names = PARTS_OF_TYPE[attribute.type]
    value = attribute.text("value")
    texts = _pair(value) if len(names) > 1 else (value,)
    return {name: _number(name, text) or text for name, text in zip(names, texts, strict=False)}


def _pair(value: str) -> tuple[str, ...]:
    """Both parts, or one if there is no more. The last bar separates them, in old exports a colon."""
    first, bar, second = value.rpartition("|")
    if bar:
        return first, second
    old = _OLD_PAIR.fullmatch(value)
    return (old[1], old[2]) if old else (value,)


def _number(name: str, text: str) -> int | None:
    return _NUMBERS[name](text.strip()[:32]) if name in _NUMBERS else None


def _seen_at(attribute: Attribute, findings: Findings, *, now: datetime) -> datetime | None:
    """When it was last so: as the attribute says, or who has seen it, or when the attribute or event was written."""
    last_seen, timestamp, date = attribute.text("last_seen"), attribute.text("timestamp"), attribute.around.date
    sighted = max((seconds for seconds, kind in attribute.sightings if kind == _SIGHTED), default=None)
    if last_seen:
        return seen_at_in_utc(last_seen, field="last_seen", findings=findings, now=now)
    if sighted is not None:
        return seen_at_unix(str(sighted), field="Sighting", findings=findings, now=now)
    if timestamp not in NULL_WORDS:
        return seen_at_unix(timestamp, field="timestamp", findings=findings, now=now)
    return seen_at_in_utc(date and f"{date}T00:00:00", field="date", findings=findings, now=now)


def _confidence(attribute: Attribute, assets_are: AssetsAre) -> int | None:
    """The format claims none. Where assets are abused rather than attacked, half of being sure."""
    return None if attribute.is_victim or assets_are is AssetsAre.VICTIMS else _HALF_SURE


def _description(attribute: Attribute) -> str | None:
    told = filter(None, (attribute.around.info, attribute.text("comment")))
    return plain("\n".join(told), 4000, lines=True) or None


def _source_port(values: Mapping[str, object], findings: Findings) -> dict[str, str]:
    port = values.get("source_port")
    if isinstance(port, str):
        findings.discard("value.source_port", port, "is not a port")
    return {"source_port": str(port)} if isinstance(port, int) else {}


def _extra(attribute: Attribute) -> dict[str, str]:
    return {
        "uuid": attribute.text("uuid"),
        "organisation": attribute.around.organisation,
        "distribution": attribute.text("distribution"),
        "object": attribute.around.object_name,
        "object_relation": attribute.text("object_relation"),
        "type": attribute.type,
    }
