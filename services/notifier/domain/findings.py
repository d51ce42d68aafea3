"""What was found, in words that a mail and a spreadsheet can carry without harm."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache, partial

import msgspec

from libs.common.contracts import Asset, HandOver, Indicator, Product
from libs.common.contracts import TargetAttributed as Target
from libs.common.text import defang, plain
from libs.common.vocabulary import RecipientKind, Tlp
from services.notifier.domain.notification import URGENCY
from services.notifier.domain.words import Words

FINDINGS_IN_MAIL = 10
"""What a reader will read."""

VALUE_CHARACTERS = 200
CUT = "\N{HORIZONTAL ELLIPSIS}"
DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
"""The other full stops that are dots in a domain name (RFC 3490)."""
VERSION = re.compile(r"[\w-]+(?:\.[\d-]+)+")
"""Only digits after each dot, so it is no domain name, and nothing makes a link of it."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One asset with what is wrong with it. What is text can become neither a link nor a formula.

    `again` says that it had been closed and has come back; it is empty for what is new. `concerns` is whose it is,
    where it is handed over to a team. `target` is the first of those that say this: of that one machines are told.
    """

    where: str
    host_name: str
    port: str
    what: str
    source: str
    because: tuple[str, ...]
    first_seen_at: datetime
    last_seen_at: datetime
    again: str = ""
    concerns: str = ""
    target: Target


def findings_of(targets: Sequence[Target], words: Words) -> list[Finding]:
    """The findings of a mail, worst first; what says the same of the same place is told once."""
    wording = _Wording(words)
    merged: dict[tuple[str | None, ...], Finding] = {}
    for target in sorted(targets, key=lambda t: (URGENCY.index(t.severity), t.indicator.asset.key, t.target_id)):
        finding = _finding(target, wording, words)
        # The URL as well: what is shown of two long ones can be the same.
        place = (finding.where, finding.port, finding.what, target.indicator.asset.url)
        merged[place] = _merge(merged[place], finding) if place in merged else finding
    return list(merged.values())


class _Wording:
    """The sentences that are the same for most findings of a mail: each is made once."""

    def __init__(self, words: Words) -> None:
        self.source = cache(words.graded)
        self.because = cache(partial(_because, words=words))
        self.what = cache(_what)


def _finding(target: Target, wording: _Wording, words: Words) -> Finding:
    indicator = target.indicator
    asset = indicator.asset
    because = [
        wording.because(step.source, step.answered, target.recipient.kind)
        for step in target.evidence
        if step.confidence > 0
    ]
    handed_over = hand_over_told(target)
    what = wording.what(indicator.malware_name, indicator.product, indicator.cve_ids, indicator.identifier)
    return Finding(
        where=_account(asset) if indicator.credentials and asset.email else _where(asset),
        host_name=_harmless(asset.hostname) if asset.hostname else "",
        port=f"{asset.port}/{asset.transport}" if asset.port and asset.transport else str(asset.port or ""),
        what=(_leak(indicator, words) if indicator.credentials else "") or what,
        source=wording.source(target.grade),
        because=tuple(dict.fromkeys(because)),
        first_seen_at=target.first_seen_at,
        last_seen_at=indicator.seen_at,
        again=words.came_back(target.reopened, indicator.seen_at) if target.reopened else "",
        concerns=_harmless(handed_over.organisation) if handed_over else "",
        target=target,
    )


def tlp_of(finding: Finding) -> Tlp:
    """With whom a recipient may share it: what its partner said, or with those whom it takes to mend it."""
    return finding.target.indicator.tlp or Tlp.AMBER


def hand_over_told(target: Target) -> HandOver | None:
    """Why a target goes to a team, and whom it concerns; of a test nothing is told of whom it found."""
    return None if target.recipient.test_of else target.handed_over


def _where(asset: Asset) -> str:
    """The name that its owner knows it by, and the address, which is what whoever runs the network needs."""
    name = asset.url or asset.email or asset.domain
    address = plain(asset.ip or "", VALUE_CHARACTERS)
    if name is None:
        return defang(address or asset.key)
    return _harmless(name) + (f" ({defang(address)})" if address else "")


def _account(asset: Asset) -> str:
    """Whose it is, and what it opens or was stolen from: without the account its owner could not find it."""
    beside = [_harmless(place) for place in (asset.url, asset.ip) if place]
    return _harmless(asset.email or "") + (f" ({', '.join(beside)})" if beside else "")


def _leak(indicator: Indicator, words: Words) -> str:
    """By which malware, from which leak and of which day, as far as the list says so."""
    name, malware, moment = _harmless(leak_of(indicator)), _harmless(indicator.malware_name or ""), leaked_at(indicator)
    day = words.on(moment) if moment else ""
    return ", ".join(filter(None, (malware, words.leak.told(name, day))))


def leak_of(indicator: Indicator) -> str:
    """The name of the leak that stolen credentials are from, as its list has it; empty where it has none."""
    return indicator.extra.get("breach", "") if indicator.credentials else ""


def leaked_at(indicator: Indicator) -> datetime | None:
    """When credentials were stolen: a time as computers write it (ISO 8601, in UTC unless it says otherwise)."""
    text = indicator.extra.get("leaked_at", "") if indicator.credentials else ""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def leaked_on(indicator: Indicator) -> date | None:
    """The day, in UTC."""
    moment = leaked_at(indicator)
    return moment.date() if moment else None


def _what(malware_name: str | None, product: Product | None, cve_ids: Sequence[str], identifier: str) -> str:
    malware = _harmless(malware_name or "")
    told = filter(None, (malware, _product(product) if product else "", *map(_harmless, cve_ids[:3])))
    return ", ".join(told) or _harmless(identifier.replace("-", " "))


def _product(product: Product) -> str:
    """Its numbers stay as people know them: `2.4.49`."""
    told = " ".join(filter(None, (product.vendor, product.name, product.version)))
    name = plain(told.translate(DOTS), VALUE_CHARACTERS)
    return " ".join(word if VERSION.fullmatch(word) else defang(word) for word in name.split(" "))


def _harmless(value: str) -> str:
    """Text that is no link, whichever dot it has, and that shows where it was cut: half a name is another name."""
    shown = plain(value.translate(DOTS), VALUE_CHARACTERS + 1)
    return defang(shown if len(shown) <= VALUE_CHARACTERS else shown[: VALUE_CHARACTERS - 1] + CUT)


def _because(source: str, answered: str, told_to: RecipientKind, *, words: Words) -> str:
    """One step of the attribution as a sentence. A source may carry the date of its copy: `ripe:abuse-c 2026-03-01`.

    A registry's answer is "network: desk, how it was found", of which only the network is the same in any language. An
    IPv6 network has colons of its own.
    """
    source = source.partition(" ")[0]
    sentences = words.evidence_for(told_to)
    sentence = sentences.get(source, sentences["other"])
    network = answered.partition(": ")[0]
    return sentence.format(
        answered=_harmless(answered), network=_harmless(network), source=plain(source, VALUE_CHARACTERS)
    )


def _merge(first: Finding, second: Finding) -> Finding:
    return msgspec.structs.replace(
        first,
        first_seen_at=min(first.first_seen_at, second.first_seen_at),
        last_seen_at=max(first.last_seen_at, second.last_seen_at),
        again=first.again or second.again,
    )
