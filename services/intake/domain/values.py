"""Single values as partners write them, read into canonical ones. `None` means: cannot be read, or says nothing."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_network

from libs.common.addresses import canonical_domain, canonical_email, canonical_ip, canonical_url
from libs.common.text import plain
from libs.common.vocabulary import Severity, Tlp, Transport

# Words with which feeds say that they know nothing.
NULL_WORDS = frozenset({"", "0", "unknown"})

_MAX_NAME_CHARS = 100

_SEVERITIES = {severity.value: severity for severity in Severity}
_TRANSPORTS = {transport.value: transport for transport in Transport}
_TLPS = {**{tlp.value: tlp for tlp in Tlp}, "white": Tlp.CLEAR}

# User-assigned and reserved ISO 3166 codes with which feeds fill in for "no country".
_NO_COUNTRIES = frozenset({"ZZ", "AA", "XX"})
_COUNTRY = re.compile(r"[A-Z]{2}")

MAX_TAGS = 50
MAX_TAG_CHARS = 100
_MAX_CACHED_CHARS = 512
_TAG_SEPARATOR = re.compile(r"[;,]")
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}", re.ASCII)

_HOSTNAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_WITH_PORT = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?", re.ASCII)

_REFANGS = (
    (re.compile(r"^hxxp(s?)", re.IGNORECASE), r"http\1"),
    (re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]", re.IGNORECASE), "."),
    (re.compile(r"\[://\]"), "://"),
    (re.compile(r"\[:\]"), ":"),
    (re.compile(r"\[@\]|\[at\]", re.IGNORECASE), "@"),
)

# An IPv4 address inside an IPv6 one: NAT64 (RFC 6052) and the deprecated IPv4-compatible form (RFC 4291).
_EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))


def refanged(text: str) -> str:
    """`text` as an address again, if somebody had made it harmless (`hxxps://www[.]example[.]com`)."""
    text = plain(text, 4096)
    if "[" in text or "(" in text or "{" in text or text[:4].lower() == "hxxp":
        for pattern, replacement in _REFANGS:
            text = pattern.sub(replacement, text)
    return text


def ip_of(text: str) -> str | None:
    """The address, compressed and in lower case, without brackets and port. The unspecified address is nobody's."""
    ip = canonical_ip(text)
    if ip is None and (wrapped := _WITH_PORT.fullmatch(text)):
        ip = canonical_ip(wrapped[1] or wrapped[2])
    return ip


def single_address(network: str) -> str | None:
    """The address of a network that has only one (`192.0.2.1/32`); `""` for a larger one, `None` for no network."""
    try:
        parsed = ip_network(network, strict=False)
    except ValueError:
        return None
    return ip_of(str(parsed.network_address)) if parsed.num_addresses == 1 else ""


def embeds_ipv4(ip: str) -> bool:
    return ip.startswith(("64:ff9b::", "::")) and any(IPv6Address(ip) in network for network in _EMBEDDING)


def tags_of_ip(ip: str | None) -> tuple[str, ...]:
    """What an address says beside itself."""
    return ("embedded-ipv4",) if ip and embeds_ipv4(ip) else ()


def domain_of(text: str) -> str | None:
    return canonical_domain(refanged(text))


def url_of(text: str) -> str | None:
    return canonical_url(refanged(text))


def email_of(text: str) -> str | None:
    return canonical_email(refanged(text))


@lru_cache(maxsize=16_384)
def hostname_of(text: str) -> str | None:
    """A reverse DNS name: context, so any ASCII name will do, also one label or one with underscores."""
    name = text.lower().removesuffix(".")
    return name if _HOSTNAME.fullmatch(name) else None


def port_of(text: str) -> int | None:
    port = int(text) if _NUMBER.fullmatch(text) else 0
    return port if 0 < port <= 65535 else None


@lru_cache(maxsize=4_096)
def asn_of(text: str) -> int | None:
    """`64500`, `AS64500` or asdot (RFC 5396) as a number."""
    high, dot, low = text.upper().removeprefix("AS").rpartition(".")
    if not (_NUMBER.fullmatch(low) and (_NUMBER.fullmatch(high) if dot else not high)):
        return None
    if dot and (int(low) > 65535 or int(high) > 65535):
        return None
    number = int(low) + (int(high) << 16 if dot else 0)
    return number if 0 < number < 2**32 else None


def country_of(text: str) -> str | None:
    country = text.upper()
    return country if _COUNTRY.fullmatch(country) and country not in _NO_COUNTRIES else None


def cve_of(text: str) -> str | None:
    cve = text.upper()
    return cve if _CVE.fullmatch(cve) else None


def severity_of(text: str) -> Severity | None:
    return _SEVERITIES.get(text.strip().lower())


def transport_of(text: str) -> Transport | None:
    return _TRANSPORTS.get(text.strip().lower())


def tlp_of(text: str) -> Tlp | None:
    """`amber`, `TLP:AMBER`, or in version 1 of the protocol `WHITE`."""
    return _TLPS.get(text.strip().lower().removeprefix("tlp:"))


def tags_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tags and CVE ids of a list split by `;` or `,`: each once, in their order, at most 50 of both together."""
    return _tags_of(text) if len(text) <= _MAX_CACHED_CHARS else _tags_of.__wrapped__(text)


@lru_cache(maxsize=4_096)
def _tags_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # A list of more tags than allowed is not split any further than needed to see that.
    words = [plain(word, MAX_TAG_CHARS) for word in _TAG_SEPARATOR.split(text, maxsplit=2 * MAX_TAGS)]
    tags = dict.fromkeys(word for word in words if word and word.lower() != "unknown")
    named = [(tag, cve_of(tag)) for tag in list(tags)[:MAX_TAGS]]
    return tuple(tag for tag, cve in named if cve is None), tuple(dict.fromkeys(cve for _, cve in named if cve))


def identifier_of(text: str) -> str | None:
    """`text` as an identifier: lower case, other characters than letters, digits, dots and dashes made dashes."""
    identifier = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:80]
    return identifier if len(identifier) > 1 else None


def name_of(text: str) -> str | None:
    """The name of a product or of malware; of a word that says nothing, none."""
    name = text.strip()[:_MAX_NAME_CHARS].rstrip()
    return None if name.lower() in NULL_WORDS else name
