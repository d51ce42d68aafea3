"""Checks on whether a record agrees with itself, and with what it is about."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, ip_address
from types import MappingProxyType

from libs.common.addresses import is_public, parse_ip
from libs.common.contracts import Asset, Indicator, Product
from services.verifier.domain.checks.findings import doubted, failed, passed
from services.verifier.domain.exploitation import Exploited
from services.verifier.domain.rules import Rules
from services.verifier.domain.values import Case, Reason, is_within

USUAL_PORTS: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "accessible-ftp": frozenset({21}),
        "accessible-rsync": frozenset({873}),
        "dns-open-resolver": frozenset({53}),
        "open-elasticsearch": frozenset({9200}),
        "open-ftp": frozenset({21}),
        "open-ipmi": frozenset({623}),
        "open-ldap": frozenset({389, 636}),
        "open-memcached": frozenset({11211}),
        "open-mongodb": frozenset({27017}),
        "open-mqtt": frozenset({1883, 8883}),
        "open-mssql": frozenset({1433, 1434}),
        "open-mysql": frozenset({3306}),
        "open-postgres": frozenset({5432}),
        "open-rdp": frozenset({3389}),
        "open-redis": frozenset({6379}),
        "open-smb": frozenset({139, 445}),
        "open-snmp": frozenset({161}),
        "open-ssh": frozenset({22}),
        "open-telnet": frozenset({23, 2323}),
        "open-vnc": frozenset(range(5900, 5904)),
    }
)
"""Where each of these is nearly always found. Elsewhere it may be too, but hardly where another one lives."""

RESEARCH_SCANNERS = frozenset(
    {"binaryedge.ninja", "censys-scanner.com", "internet-measurement.com", "shadowserver.org", "shodan.io"}
)
"""Names under which those scan who do it for everybody's good, and say so."""

PARTS_OF_OTHERS = frozenset(
    {
        "apache", "arm", "artifex", "exim", "gnu", "google", "ietf", "imagemagick", "jquery", "laravel", "linux",
        "meta", "microsoft", "multiple", "nginx", "openbsd", "openssl", "oracle", "perl", "php", "phpunit", "progress",
        "qualcomm", "rails", "realtek", "redis", "ruby", "samba", "spring", "sudo", "telerik", "vmware", "wordpress",
    }
)  # fmt: skip
"""Makers of what is built into, or stands below, products of others: Log4j in a firewall is no contradiction."""

HONEYPOT = "honeypot"

CONSISTENT = passed("consistent", "the record does not contradict itself")
NO_NOISE = passed("noise", "neither a trap nor a researcher")

_OWNERS = {port: identifier for identifier, ports in USUAL_PORTS.items() for port in ports}
_ADDRESS_IN_NAME = re.compile(
    r"(?:^|(?:^|\.)(?:a?dsl|cable|client|cpe|cust|customer|dhcp|dyn|dynamic|host|ip|node|pool|ppp|static)[-.]?)"
    r"(\d{1,3})[-.](\d{1,3})[-.](\d{1,3})[-.](\d{1,3})(?![-.]?\d)"
)
"""As providers name the addresses of their customers; four numbers elsewhere may be a version."""

_HONEYPOT = re.compile(r"(?:^|[.-])honeypots?\d*(?:[.-]|$)")
_SINKHOLE = re.compile(r"(?:^|[.-])sinkholes?\d*(?:[.-]|$)")
_CVE_YEAR = slice(4, 8)
_WORD = re.compile(r"[a-z0-9]+")


def consistent(case: Case, rules: Rules, _: datetime) -> Reason:
    """What it says fits together: port and service, names and address, the weakness, its time, and whose it is."""
    indicator = case.event.indicator
    found = [*_in_asset(indicator.identifier, indicator.asset)]
    if indicator.cve_ids:
        found += _in_vulnerabilities(indicator, rules.exploitation.exploited)
    if not found:
        return CONSISTENT
    return doubted("consistent", weight_of_contradictions(len(found), rules.contradiction_weight), "; ".join(found))


def weight_of_contradictions(count: int, weight_of_one: float) -> float:
    """Each takes its share of what the others have left."""
    return round(1.0 - (1.0 - weight_of_one) ** count, 3)


def _in_asset(identifier: str, asset: Asset) -> Iterator[str]:
    if asset.port is not None and (usual := USUAL_PORTS.get(identifier)) and asset.port not in usual:
        owner = _OWNERS.get(asset.port)
        if owner is not None:
            yield f"{identifier} at port {asset.port}, which is that of {owner}"
    if asset.hostname is not None and asset.ip is not None and (other := _other_address(asset.hostname, asset.ip)):
        yield f"the host name says {other}, the record {asset.ip}"
    if asset.url is not None:
        yield from _strange_url(asset)


def _in_vulnerabilities(indicator: Indicator, exploited: Mapping[str, Exploited]) -> Iterator[str]:
    year = indicator.seen_at.year
    if unknown := [cve_id for cve_id in indicator.cve_ids if _year_of(cve_id) > year]:
        yield f"seen in {year}, before {unknown[0]} was known"
    if indicator.product is not None:
        yield from _of_another_vendor(indicator, indicator.product, exploited)


def _of_another_vendor(indicator: Indicator, product: Product, exploited: Mapping[str, Exploited]) -> Iterator[str]:
    """The first of its vulnerabilities that is known to be of somebody else. Source: vendor and product in CISA KEV."""
    named = f"{product.vendor or ''} {product.name or ''}".strip()
    for cve_id in indicator.cve_ids:
        known = exploited.get(cve_id)
        if known is not None and named and not _may_be_the_same(named, f"{known.vendor} {known.product}"):
            yield f"{cve_id} is of {known.vendor} {known.product}, the record names {named}"
            return


@lru_cache(maxsize=4_096)
def _may_be_the_same(named: str, listed: str) -> bool:
    """Spelt differently, bought and renamed, or built in: one word in common is enough."""
    words, others = set(_WORD.findall(named.lower())), set(_WORD.findall(listed.lower()))
    if words & others or others & PARTS_OF_OTHERS:
        return True
    squeezed, other_squeezed = ("".join(_WORD.findall(text.lower())) for text in (named, listed))
    return any(len(word) > 2 and word in other_squeezed for word in words) or any(
        len(word) > 2 and word in squeezed for word in others
    )


def _year_of(cve_id: str) -> int:
    year = cve_id[_CVE_YEAR]
    return int(year) if year.isdecimal() else 0


def _other_address(hostname: str, address: str) -> str | None:
    """The public IPv4 address that a host name is made of, if it is not this one, in whatever order."""
    named = _ADDRESS_IN_NAME.search(hostname)
    if named is None or ":" in address:
        return None
    parts = [str(int(part)) for part in named.groups()]
    if sorted(parts) == sorted(address.split(".")):
        return None
    other = parse_ip(".".join(parts))
    return str(other) if other is not None and is_public(other) else None


def _strange_url(asset: Asset) -> Iterator[str]:
    """A URL that leads to another address or domain than the record names."""
    host = next(iter(Asset(url=asset.url).hosts), None)
    if host is None:
        return
    try:
        literal = ip_address(host)
    except ValueError:
        if asset.domain is not None and not (is_within(host, asset.domain) or is_within(asset.domain, host)):
            yield f"the URL leads to {host}, the record names {asset.domain}"
    else:
        if isinstance(literal, IPv4Address) and asset.ip is not None and str(literal) != asset.ip:
            yield f"the URL leads to {literal}, the record names {asset.ip}"


def no_noise(case: Case, _: Rules, __: datetime) -> Reason:
    """It is no honeypot, no sinkhole, and no scanner of researchers: those look bad on purpose."""
    indicator = case.event.indicator
    taxonomy = indicator.category.partition("/")[0]
    name = indicator.asset.hostname or ""
    if taxonomy == "vulnerable" and (HONEYPOT in indicator.tags or _is_named(HONEYPOT, _HONEYPOT, name)):
        return failed("noise", "a honeypot, which is meant to look like this")
    if taxonomy == "malicious-code" and _is_named("sinkhole", _SINKHOLE, name):
        return failed("noise", f"{name} looks like a sinkhole, which collects traffic of infected systems")
    if taxonomy == "information-gathering" and any(is_within(name, known) for known in RESEARCH_SCANNERS):
        return failed("noise", f"{name} says that it scans for research")
    return NO_NOISE


def _is_named(word: str, as_label: re.Pattern[str], name: str) -> bool:
    """Whether it is a label of a host name, or part of one; nearly no name has it anywhere, which is quickly seen."""
    return word in name and as_label.search(name) is not None
