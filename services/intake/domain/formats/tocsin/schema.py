"""The JSON Schema of one record of our own format, for partners who check what they make before they send it.

It says what should be sent, and takes nothing that the parser refuses. The parser is kinder to old habits: null is the
same as absent, words may be in any case, addresses may be defanged. Source: JSON Schema, draft 2020-12.
"""

from collections.abc import Mapping, Sequence

from libs.common.vocabulary import Severity, Tlp, Transport
from services.intake.domain.extras import MAX_EXTRA_KEYS
from services.intake.domain.formats.tocsin.records import ASSETS


def _text(max_chars: int) -> Mapping[str, object]:
    return {"type": "string", "maxLength": max_chars}


def _number(low: int, high: int) -> Mapping[str, object]:
    return {"type": "integer", "minimum": low, "maximum": high}


def _matching(pattern: str) -> Mapping[str, object]:
    return {"type": "string", "pattern": f"^{pattern}$"}


def _list_of(items: Mapping[str, object]) -> Mapping[str, object]:
    return {"type": "array", "maxItems": 50, "items": items}


def _object(properties: Mapping[str, object], *, required: Sequence[str] = ()) -> Mapping[str, object]:
    needs = {"required": list(required)} if required else {}
    return {"type": "object", "additionalProperties": False, **needs, "properties": properties}


_TIME = {"type": "string", "format": "date-time"}
_ASN = _number(1, 4294967295)

_ASSET = {
    "ip": _text(45),
    "port": _number(1, 65535),
    "transport": {"enum": [*Transport]},
    "domain": _text(253),
    "url": _text(2048),
    "asn": _ASN,
    "email": _text(254),
    "hostname": _text(253),
}

SCHEMA: Mapping[str, object] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "tocsin-indicator-1",
    **_object(
        {
            "seen_at": _TIME,
            "first_seen_at": _TIME,
            "category": _matching("[a-z-]{2,40}/[a-z0-9-]{2,40}"),
            "identifier": _matching("[a-z0-9][a-z0-9._-]{1,79}"),
            "asset": {**_object(_ASSET), "anyOf": [{"required": [name]} for name in ASSETS]},
            "geo_country": _matching("[A-Z]{2}"),
            "asn": _ASN,
            "as_name": _text(200),
            "severity": {"enum": [*Severity, None]},
            "confidence": _number(0, 100),
            "cve_ids": _list_of(_matching("CVE-[0-9]{4}-[0-9]{4,19}")),
            "tags": _list_of(_text(100)),
            "product": _object({"vendor": _text(100), "name": _text(100), "version": _text(100)}),
            "malware_name": _text(100),
            "credentials": {"const": True},
            "tlp": {"enum": [*Tlp]},
            "description": _text(4000),
            "extra": {
                "type": "object",
                "maxProperties": MAX_EXTRA_KEYS,
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
        },
        required=["seen_at", "category", "identifier", "asset"],
    ),
}
