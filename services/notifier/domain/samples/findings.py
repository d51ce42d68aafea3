"""Findings that are made up, of each sort that a mail can tell of."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Address

import msgspec

from libs.common.contracts import Asset, Evidence, HandOver, IncidentChanged, Indicator, Recipient, Reopened
from libs.common.contracts import TargetAttributed as Target
from libs.common.ids import derived_id
from libs.common.vocabulary import RecipientKind, Transport
from services.notifier.domain.samples.wish import Found, Wish

FIRST_SAMPLE = IPv4Address("198.18.0.1")
"""Of the range for benchmarks (RFC 2544): nobody's address, and spam filters do not frown at it."""

NETWORK = "198.18.0.0 - 198.18.255.255 EXAMPLE-NET"
ANSWERED: Mapping[str, str] = {
    "registered-range": "198.18.0.0/24",
    "registered-asn": "AS64500",
    "ripe:abuse-c": NETWORK,
    "ripe:aut-num": NETWORK,
    "rdap-network": NETWORK,
}
"""What a source answers; all others say a name."""

LOGIN = "https://vpn.example.com/login"


class Dates(msgspec.Struct, frozen=True, kw_only=True):
    """When it was seen, as it fits the mail that tells of it."""

    first_seen: datetime
    last_seen: datetime
    now: datetime


def sample_targets(
    wish: Wish, incident: IncidentChanged, recipient: Recipient, *, name: str, dates: Dates
) -> tuple[Target, ...]:
    """As many as are wanted. `name` is what an organisation could be called."""
    return tuple(_target(wish, incident, recipient, place, name=name, dates=dates) for place in range(wish.findings))


def _target(
    wish: Wish, incident: IncidentChanged, recipient: Recipient, place: int, *, name: str, dates: Dates
) -> Target:
    indicator = _indicator(wish.found_in(incident), incident, place, dates)
    is_reopened = wish.reopened is not None and place < (wish.reopened_findings or wish.findings)
    # The ids of a round-up's other incidents are others.
    own = () if incident.slug == wish.incident else (incident.slug,)
    return Target(
        target_id=derived_id("sample-target", *own, place),
        threat_id=derived_id("sample-threat", *own, place),
        indicator_id=derived_id("sample-indicator", *own, place),
        submission_id=derived_id("sample-submission"),
        record=place + 1,
        partner="sample",
        received_at=dates.now,
        indicator=indicator,
        incident=incident.slug,
        severity=wish.severity_of(incident),
        grade=wish.grade,
        first_seen_at=dates.last_seen if wish.seen_once else dates.first_seen,
        recipient=recipient,
        confidence=1.0,
        evidence=(_evidence(wish, place, name=name, at=dates.now),),
        reopened=_reopened(wish, dates) if is_reopened else None,
        handed_over=_hand_over(wish, place, name) if recipient.kind is RecipientKind.NATIONAL_CERT else None,
    )


def _reopened(wish: Wish, dates: Dates) -> Reopened:
    return Reopened(closed_at=dates.first_seen + (dates.last_seen - dates.first_seen) / 2, reason=str(wish.reopened))


def _hand_over(wish: Wish, place: int, name: str) -> HandOver:
    """Each organisation in turn; with none it is not known whom it concerns."""
    total = 1 if wish.organisations is None else wish.organisations
    number = place % total + 1 if total else 0
    called = {0: "", 1: name}.get(number, f"{name} {number}")
    return HandOver(reason=wish.handed_over_because or "vital-organisation", organisation=called)


def _evidence(wish: Wish, place: int, *, name: str, at: datetime) -> Evidence:
    usual = "ripe:abuse-c" if wish.kind is RecipientKind.NETWORK_OWNER else "registered-range"
    source = wish.evidence[place % len(wish.evidence)] if wish.evidence else usual
    answered = ANSWERED.get(source, name)
    return Evidence(source=source, asked=str(FIRST_SAMPLE + place), answered=answered, at=at, confidence=1.0)


def _indicator(found: Found, incident: IncidentChanged, place: int, dates: Dates) -> Indicator:
    kinds = [kind for kind in Found if kind is not Found.MIXED]
    kind = kinds[place % len(kinds)] if found is Found.MIXED else found
    plain = Indicator(
        seen_at=dates.last_seen,
        category=incident.category,
        identifier=incident.slug,
        asset=Asset(ip=str(FIRST_SAMPLE + place), port=443, transport=Transport.TCP),
        cve_ids=incident.cve_ids,
    )
    return _as_account(plain, place, dates) if kind is Found.ACCOUNTS else _ASSETS[kind](plain, place + 1)


def _as_account(plain: Indicator, place: int, dates: Dates) -> Indicator:
    """Accounts in pairs, each in two leaks; of one leak more is known than of another."""
    day = f"{dates.first_seen - timedelta(days=30):%Y-%m-%d}"
    known: tuple[dict[str, str], ...] = (
        {"breach": "Example Breach", "leaked_at": day},
        {"breach": "Another Example"},
        {"leaked_at": day},
        {},
    )
    is_stolen = place % len(known) >= 2
    return msgspec.structs.replace(
        plain,
        asset=Asset(email=f"account-{place // 2 + 1}@example.com", url=LOGIN if is_stolen else None),
        cve_ids=(),
        malware_name="Example Stealer" if is_stolen else None,
        credentials=True,
        extra=known[place % len(known)],
    )


def _with(asset_of: Callable[[int], Asset]) -> Callable[[Indicator, int], Indicator]:
    return lambda plain, number: msgspec.structs.replace(plain, asset=asset_of(number))


_ASSETS: Mapping[Found, Callable[[Indicator, int], Indicator]] = {
    Found.ADDRESSES: lambda plain, _: plain,
    Found.HOSTS: lambda plain, number: msgspec.structs.replace(
        plain, asset=msgspec.structs.replace(plain.asset, hostname=f"host-{number}.example.net")
    ),
    Found.DOMAINS: _with(lambda number: Asset(domain=f"site-{number}.example.com")),
    Found.PAGES: _with(lambda number: Asset(url=f"https://www.example.com/page-{number}")),
    Found.MAILBOXES: _with(lambda number: Asset(email=f"mailbox-{number}@example.com")),
}
