"""Addresses and names in their canonical form, so that one thing has one spelling in every service.

Nothing here looks anything up: each function is a pure reading of text, and `None` means that it cannot be read.
Addresses are read and written by the C library: `ipaddress` takes five times as long for the same.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from urllib.parse import SplitResult, quote, urlsplit

import idna

from libs.common.special import DOCUMENTATION_RANGES, NON_PUBLIC_RANGES, SPECIAL_RANGES, UNMAILABLE_ASNS

IPAddress = IPv4Address | IPv6Address

_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SERVICE_LABELS = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMERIC_LABEL = re.compile(r"\d+|0x[0-9a-f]*")
_MAX_DOMAIN_CHARS = 253

_MAX_EMAIL_CHARS = 254
_LOCAL_PART = re.compile(r"[^\s\"(),:;<>@\[\\\]]{1,64}")

Numbered = tuple[int, int]
"""Version and number of an address, for who asks tables: no object is made for each."""

_IPV4_MAPPED = 0xFFFF
_IPV4_BITS = 0xFFFF_FFFF
_MAX_URL_CHARS = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21}
_URL_SAFE = "!$%&'()*+,/:;=?@[]~"
_USERINFO = re.compile(r"(?<=://)(?:[^/?#@\s]*+@)++")
_PARAMETER = re.compile(r"(?<=[?&;])([^=?&;#\s]+)=[^&;#\s]*")
_SECRET_PARAMETER = re.compile(
    r"passw|pwd|token|secret|session|cookie|credential|(?:^|[_.-])(?:pass|api-?key|key|sig|signature|auth|otp|pin)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=4_096)
def parse_ip(text: str) -> IPAddress | None:
    """The address that `text` spells, exactly: no zone, prefix length, port, brackets or leading zeros.

    An IPv4 address inside `::ffff:0:0/96` is that IPv4 address. Kept for a while: a batch asks several times for each.
    """
    is_v6 = ":" in text
    try:
        packed = inet_pton(AF_INET6 if is_v6 else AF_INET, text)
    except (OSError, ValueError):
        return None
    if not is_v6:
        return IPv4Address(packed)
    ip = IPv6Address(packed)
    return ip.ipv4_mapped or ip


def canonical_ip(text: str) -> str | None:
    """The canonical spelling of the address that `text` spells, as `text_of(parse_ip(text))`, in half the time.

    The unspecified address is nobody's.
    """
    if ":" not in text:
        try:
            packed = inet_pton(AF_INET, text)
        except (OSError, ValueError):
            return None
        return inet_ntop(AF_INET, packed) if any(packed) else None
    ip = parse_ip(text)
    return None if ip is None or ip.is_unspecified else text_of(ip)


def packed_ip(text: str) -> bytes | None:
    """The 4 or 16 big-endian bytes of the address that `text` spells, for who reads millions of them."""
    try:
        return inet_pton(AF_INET6 if ":" in text else AF_INET, text)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=8_192)
def numbered_ip(text: str) -> Numbered | None:
    """The version and the number of the address that `parse_ip` reads, in a third of its time.

    Kept for a while: several tables are asked for each.
    """
    packed = packed_ip(text)
    if packed is None:
        return None
    number = int.from_bytes(packed, "big")
    if len(packed) == 4:
        return 4, number
    return (4, number & _IPV4_BITS) if number >> 32 == _IPV4_MAPPED else (6, number)


def text_of(ip: IPAddress) -> str:
    """The canonical spelling (RFC 5952)."""
    if isinstance(ip, IPv4Address):
        return inet_ntop(AF_INET, ip.packed)
    text = inet_ntop(AF_INET6, ip.packed)
    return str(ip) if "." in text else text  # the C library ends some special addresses in the form of IPv4


def canonical_network(text: str) -> str | None:
    """The network that `text` spells, or the one of a single address; none that names an address within a network."""
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        return None


def is_public(ip: IPAddress) -> bool:
    """Whether the address can belong to somebody on the internet: unicast, allocated to registries, not special."""
    return _unwrapped(ip) not in NON_PUBLIC_RANGES


def is_public_number(numbered: Numbered) -> bool:
    """The same of what `numbered_ip` gives."""
    return not NON_PUBLIC_RANGES.holds(*numbered)


def is_special(packed: bytes) -> bool:
    """Whether an address, as `packed_ip` gives it, is private, link-local, multicast or the like: nobody's.

    Documentation ranges are not: no real file has them, demonstrations do.
    """
    return SPECIAL_RANGES.holds(4 if len(packed) == 4 else 6, int.from_bytes(packed, "big"))


def is_documentation(ip: IPAddress) -> bool:
    """Whether the address is set aside for examples (RFC 5737, 3849, 9637)."""
    return _unwrapped(ip) in DOCUMENTATION_RANGES


def _unwrapped(ip: IPAddress) -> IPAddress:
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def is_mailable_asn(n: int) -> bool:
    """Whether an autonomous system of this number can have an operator to write to."""
    return 0 < n < 2**32 and not any(n in reserved for reserved in UNMAILABLE_ASNS)


def canonical_domain(text: str) -> str | None:
    """The name in lower-case A-labels (UTS 46, IDNA 2008), two or more, without a closing dot or a leading `*.`.

    Underscores are allowed left of the last two labels (`_dmarc.example.com`). A name whose last label is a number is
    not a domain.
    """
    name = text.strip().lower()
    if len(name) > 2 * _MAX_DOMAIN_CHARS:
        return None
    return _canonical_name(name.removesuffix(".").removeprefix("*."))


@lru_cache(maxsize=16_384)
def _canonical_name(name: str) -> str | None:
    if not _PLAIN_DOMAIN.fullmatch(name):
        service, underscore, rest = name.rpartition("_")
        if underscore:
            return _under_service_labels(service, rest)
        name = _a_labels(name)
    last = name.rpartition(".")[2]
    if "." not in name or len(name) > _MAX_DOMAIN_CHARS or _NUMERIC_LABEL.fullmatch(last):
        return None
    return name


def _under_service_labels(start: str, rest: str) -> str | None:
    """A name with underscores: ASCII rules up to the label with the last one, a proper domain after that."""
    end, dot, parent = rest.partition(".")
    service = f"{start}_{end}"
    domain = _canonical_name(parent) if dot and _SERVICE_LABELS.fullmatch(service) else None
    name = f"{service}.{domain}"
    return name if domain and len(name) <= _MAX_DOMAIN_CHARS else None


def _a_labels(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:
        return ""


def canonical_email(text: str) -> str | None:
    """One bare address with its domain canonical and its local part as it came (it may hold non-ASCII, RFC 6531).

    No display names, comments, quoted local parts or lists.
    """
    local, _, domain = text.strip().rpartition("@")
    if not (_LOCAL_PART.fullmatch(local) and local.isprintable()):
        return None
    name = canonical_domain(domain)
    email = f"{local}@{name}"
    return email if name and not domain.startswith("*") and len(email) <= _MAX_EMAIL_CHARS else None


def canonical_url(text: str) -> str | None:
    """An http, https or ftp URL with a canonical host, in ASCII, cut at 2,048 characters.

    Left out: user and password, default port, fragment. Values of query parameters whose name speaks of a secret are
    emptied. The host must be a domain or an IP address.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    host = _canonical_host(parts)
    if parts.scheme not in _DEFAULT_PORTS or host is None:
        return None
    authority = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    rest = without_url_secrets((parts.path or "/") + query)
    return _cut(f"{parts.scheme}://{authority}{quote(rest, safe=_URL_SAFE)}")


def without_url_secrets(text: str) -> str:
    """`text` without user and password in its URLs, the values of query parameters that name a secret emptied."""
    if "://" in text:
        text = _USERINFO.sub("", text)
    return _PARAMETER.sub(_without_secret_value, text) if "=" in text else text


def _without_secret_value(parameter: re.Match[str]) -> str:
    return f"{parameter[1]}=" if names_a_secret_parameter(parameter[1]) else parameter[0]


def names_a_secret_parameter(name: str) -> bool:
    """Whether a query parameter of this name holds a password, a key, a signature or the like."""
    return _SECRET_PARAMETER.search(name) is not None


def _canonical_host(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    if "\\" in parts.netloc:  # browsers read it as a slash, RFC 3986 does not: two hosts in one URL
        return None
    ip = parse_ip(host)
    if ip is None:
        return None if "*" in host else canonical_domain(host)
    return f"[{ip}]" if ip.version == 6 else str(ip)


def _cut(url: str) -> str:
    """At most the allowed length, and not in the middle of a percent-encoded byte."""
    if len(url) <= _MAX_URL_CHARS:
        return url
    return re.sub(r"%.?$", "", url[:_MAX_URL_CHARS])
