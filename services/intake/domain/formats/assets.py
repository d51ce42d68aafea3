"""The asset of a record whose parts have names; our own format and `misp` share it."""

from dataclasses import dataclass, field

from libs.common.contracts import Asset
from libs.common.text import plain
from libs.common.vocabulary import Transport
from services.intake.domain.formats.tocsin_fields import Fields
from services.intake.domain.records import quoted
from services.intake.domain.values import (
    TRANSPORTS,
    domain_of,
    email_of,
    embeds_ipv4,
    hostname_of,
    ip_of,
    refanged,
    single_address,
    url_of,
)

MAX_ASN = 2**32 - 1


@dataclass(frozen=True, slots=True)
class NamedAsset:
    """The asset, the tags that its spelling earned it, and its spelling if somebody had made it harmless."""

    asset: Asset
    tags: tuple[str, ...] = ()
    original: dict[str, str] = field(default_factory=dict)


def named_asset(fields: Fields) -> NamedAsset:
    """The asset, as far as it can be read; `fields` are named as in `Asset`."""
    ip, domain = _ip_and_domain(fields)
    asset = Asset(
        ip=ip,
        port=fields.integer("port", low=1, high=65535, code="invalid-port"),
        transport=fields.reading(
            "transport", _transport, limit=40, code="invalid-transport", what="a transport protocol"
        ),
        domain=domain,
        url=fields.reading("url", url_of, limit=2048, code="invalid-url", what="an http, https or ftp URL"),
        asn=fields.integer("asn", low=1, high=MAX_ASN, code="invalid-asn"),
        email=fields.reading("email", email_of, limit=254, code="invalid-email", what="an e-mail address"),
        hostname=fields.reading("hostname", hostname_of, limit=253, code="invalid-domain", what="a host name"),
    )
    tags = [*["wildcard"] * _is_wildcard(fields), *["embedded-ipv4"] * bool(ip and embeds_ipv4(ip))]
    return NamedAsset(asset, tuple(tags), _original(fields))


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


def _original(fields: Fields) -> dict[str, str]:
    """What a harmless spelling was, for the searching; not of URLs that may hold a password."""
    texts = [plain(fields.raw(name), 4096) for name in ("ip", "domain", "url", "email")]
    harmless = [text for text in texts if refanged(text) != text and not ("/" in text and "@" in refanged(text))]
    return {"original": " ".join(harmless)} if harmless else {}


def _transport(text: str) -> Transport | None:
    return TRANSPORTS.get(text.lower())
