"""What names an asset, read from fields by whatever names a format has for them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from libs.common.contracts import Asset
from libs.common.text import plain
from services.intake.domain.formats.json_fields import Fields
from services.intake.domain.records import quoted
from services.intake.domain.values import (
    domain_of,
    email_of,
    hostname_of,
    ip_of,
    refanged,
    single_address,
    tags_of_ip,
    transport_of,
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
    """The asset, as far as it can be read, from fields that are called as in `Asset`."""
    ip, domain = address_and_domain(fields, ip="ip", domain="domain")
    asset = Asset(
        ip=ip,
        port=fields.integer("port", low=1, high=65535, code="invalid-port"),
        transport=fields.reading(
            "transport", transport_of, limit=40, code="invalid-transport", what="a transport protocol"
        ),
        domain=domain,
        url=fields.reading("url", url_of, limit=2048, code="invalid-url", what="an http, https or ftp URL"),
        asn=fields.integer("asn", low=1, high=MAX_ASN, code="invalid-asn"),
        email=fields.reading("email", email_of, limit=254, code="invalid-email", what="an e-mail address"),
        hostname=fields.reading("hostname", hostname_of, limit=253, code="invalid-domain", what="a host name"),
    )
    tags = tags_of_spelling(fields, ["domain"], ip=ip)
    return NamedAsset(asset, tags, original_spellings(fields, ("ip", "domain", "url", "email")))


def address_and_domain(fields: Fields, *, ip: str, domain: str) -> tuple[str | None, str | None]:
    """Both, as far as they are given. An address in the place of the domain is the address."""
    address = address_in(fields, ip)
    misplaced = ip_of(refanged(fields.raw(domain)))
    if misplaced:
        return address or misplaced, None
    return address, fields.reading(domain, domain_of, limit=253, code="invalid-domain", what="a domain")


def address_in(fields: Fields, name: str) -> str | None:
    """The address; a network counts if it has only one."""
    text = refanged(fields.raw(name))
    if "/" not in text:
        return fields.reading(
            name, lambda value: ip_of(refanged(value)), limit=64, code="invalid-ip", what="an IP address"
        )
    ip = single_address(text)
    if not ip:
        code, what = ("invalid-network", "a network") if ip is None else ("network-too-large", "a single address")
        fields.reject(name, code, f"{quoted(text)} is not {what}")
    return ip or None


def tags_of_spelling(fields: Fields, domains: Iterable[str], *, ip: str | None) -> tuple[str, ...]:
    """What the spelling of domains, in the fields of those names, and the address itself say beside the value."""
    is_wildcard = any(refanged(fields.raw(name)).startswith("*.") for name in domains)
    return (*["wildcard"] * is_wildcard, *tags_of_ip(ip))


def original_spellings(fields: Fields, names: Iterable[str]) -> dict[str, str]:
    """What a harmless spelling was, for the searching; not of URLs that may hold a password."""
    texts = [plain(text, 4096) for name in names if (text := fields.raw(name))]
    harmless = [text for text in texts if refanged(text) != text and not ("/" in text and "@" in refanged(text))]
    return {"original": " ".join(harmless)} if harmless else {}
