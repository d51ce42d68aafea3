"""What was found, in words that a mail and a spreadsheet can carry without harm."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from libs.common.contracts import Asset, Evidence, Indicator, Product
from libs.common.contracts import TargetAttributed as Target
from libs.common.text import defang, plain, spreadsheet_safe
from services.notifier.domain.notification import URGENCY
from services.notifier.domain.words import Words

VALUE_CHARACTERS = 200
VERSION = re.compile(r"[\w-]+(?:\.[\d-]+)+")
"""Only digits after each dot, so it is no domain name, and nothing makes a link of it."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One asset with what is wrong with it. All of it is text: nothing in it can become a link or a formula."""

    where: str
    host_name: str
    port: str
    what: str
    first_seen: str
    last_seen: str
    source: str
    because: tuple[str, ...]
    first_seen_at: datetime
    last_seen_at: datetime


def findings_of(targets: Sequence[Target], words: Words) -> list[Finding]:
    """The findings of a mail, worst first; what says the same of the same place is told once."""
    merged: dict[tuple[str, str, str], Finding] = {}
    for target in sorted(targets, key=lambda t: (URGENCY.index(t.severity), t.indicator.asset.key, t.target_id)):
        finding = _finding(target, words)
        place = (finding.where, finding.port, finding.what)
        merged[place] = _merge(merged[place], finding) if place in merged else finding
    return list(merged.values())


def _finding(target: Target, words: Words) -> Finding:
    asset = target.indicator.asset
    return Finding(
        where=_where(asset),
        host_name=_harmless(asset.hostname or ""),
        port=f"{asset.port}/{asset.transport}" if asset.port and asset.transport else str(asset.port or ""),
        what=_what(target.indicator),
        first_seen=words.at(target.first_seen_at),
        last_seen=words.at(target.indicator.seen_at),
        source=words.graded(target.grade),
        because=tuple(dict.fromkeys(_because(step, words) for step in target.evidence if step.confidence > 0)),
        first_seen_at=target.first_seen_at,
        last_seen_at=target.indicator.seen_at,
    )


def _where(asset: Asset) -> str:
    """The name that its owner knows it by, and the address, which is what whoever runs the network needs."""
    name = asset.url or asset.email or asset.domain
    address = plain(asset.ip or "", VALUE_CHARACTERS)
    if name is None:
        return defang(address or asset.key)
    return _harmless(name) + (f" ({defang(address)})" if address else "")


def _what(indicator: Indicator) -> str:
    malware = _harmless(indicator.malware_name or "")
    product = _product(indicator.product) if indicator.product else ""
    told = filter(None, (malware, product, *map(_harmless, indicator.cve_ids[:3])))
    return ", ".join(told) or _harmless(indicator.identifier.replace("-", " "))


def _product(product: Product) -> str:
    """Its numbers stay as people know them: `2.4.49`."""
    name = plain(" ".join(filter(None, (product.vendor, product.name, product.version))), VALUE_CHARACTERS)
    return " ".join(word if VERSION.fullmatch(word) else defang(word) for word in name.split(" "))


def _harmless(value: str) -> str:
    return defang(plain(value, VALUE_CHARACTERS))


def _because(step: Evidence, words: Words) -> str:
    """One step of the attribution as a sentence. A source may carry the date of its copy: `ripe:abuse-c 2026-03-01`.

    A registry's answer is "network: desk, how it was found", of which only the network is the same in any language. An
    IPv6 network has colons of its own.
    """
    source = step.source.partition(" ")[0]
    sentence = words.evidence.get(source, words.evidence["other"])
    network = step.answered.partition(": ")[0]
    return sentence.format(
        answered=_harmless(step.answered), network=_harmless(network), source=plain(source, VALUE_CHARACTERS)
    )


def _merge(first: Finding, second: Finding) -> Finding:
    earliest = min(first, second, key=lambda finding: finding.first_seen_at)
    latest = max(first, second, key=lambda finding: finding.last_seen_at)
    return msgspec.structs.replace(
        first,
        first_seen=earliest.first_seen,
        first_seen_at=earliest.first_seen_at,
        last_seen=latest.last_seen,
        last_seen_at=latest.last_seen_at,
    )


def spreadsheet_of(findings: Sequence[Finding], words: Words) -> bytes:
    """All findings as CSV (RFC 4180, UTF-8 with a mark, so that Excel reads it); no cell can start a formula."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(msgspec.structs.astuple(words.columns))
    writer.writerows(tuple(map(spreadsheet_safe, _row(finding))) for finding in findings)
    return b"\xef\xbb\xbf" + table.getvalue().encode()


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.where,
        finding.port,
        finding.what,
        f"{finding.first_seen_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"{finding.last_seen_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        finding.source,
        "; ".join(finding.because),
    )
