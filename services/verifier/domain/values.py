"""The values that the verifier thinks in."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_network
from uuid import UUID

import msgspec

from libs.common.addresses import parse_ip
from libs.common.contracts import ListedOperator, RawIndicator, Reopened
from libs.common.ids import derived_id
from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain.catalogue import Incident
from services.verifier.domain.detected_by import rules_behind


class CheckResult(StrEnum):
    """What one check found. Only `fail` decides by itself; `warn` lowers confidence; `skip` had nothing to look at."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "fail"
    WARN = "warn"
    SKIP = "skip"


class Reason(msgspec.Struct, frozen=True, array_like=True):
    """One check's finding. `weight` (0.0-1.0) is the share of confidence that a warning takes away.

    An array when stored: a dozen of them lie beside every indicator, and their names would be most of it.
    """

    check: str
    result: CheckResult
    weight: float
    detail: str


class Verdict(StrEnum):
    """The verifier's answer."""

    VERIFIED = "verified"
    HELD = "held"
    REJECTED = "rejected"


NOT_SEEN_AGAIN = "not-seen-again"
"""Why a threat is closed by itself."""


class ThreatState(StrEnum):
    """Life of a threat; `quiet` is an open one that its feed has not mentioned for a while, though it reports."""

    OPEN = "open"
    QUIET = "quiet"
    CLOSED = "closed"


class Threat(msgspec.Struct, frozen=True, kw_only=True):
    """A finding at an asset, known from one or more indicators.

    `partners` are those who reported it, `sources` those who found it; `announced_at` is when it was last sent on to be
    attributed; `reopenings` is how often it was seen after it had been closed. One that `is_test` is known to the tests
    of its one partner, and to nobody else. Until `trusted_until` nobody is asked about it again: a person has decided.
    `told_severity` is the worst that was told of it since it was last opened; None: it was told before that was kept.
    One that `is_doubted` is confirmed by several, none of whom is believed alone.
    """

    threat_id: UUID
    asset: str
    identifier: str
    incident: str
    state: ThreatState
    first_seen_at: datetime
    last_seen_at: datetime
    sightings: int
    partners: frozenset[str]
    sources: frozenset[str]
    announced_at: datetime
    closed_at: datetime | None = None
    closed_reason: str | None = None
    is_test: bool = False
    trusted_until: datetime | None = None
    trusted_by: str | None = None
    first_warned_at: datetime | None = None
    last_warned_at: datetime | None = None
    reopenings: int = 0
    told_severity: Severity | None = None
    is_doubted: bool = False

    @property
    def heard_of_at(self) -> datetime:
        """When it was last seen, or was news: what was stolen a year ago may be news today."""
        return max(self.last_seen_at, self.announced_at)

    def is_refuted_by(self, seen_at: datetime) -> bool:
        """Whether it is closed, and a sighting at that time says that it should not be.

        A person closes it at a moment. That it was not seen again is refuted by any later sighting.
        """
        if self.closed_at is None:
            return False
        return seen_at > (self.last_seen_at if self.closed_reason == NOT_SEEN_AGAIN else self.closed_at)


class FalsePositive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something known to be wrong: one threat, or all that fits each condition that is set.

    A recipient speaks for one threat: others may share its address. Only an analyst speaks for an asset, a range
    (CIDR), a domain with all below it, a finding, a partner, an incident, or a rule by which its source found it; or
    for several of them at once.
    """

    reason: str
    expires_at: datetime
    asset: str | None = None
    ip_range: str | None = None
    domain: str | None = None
    identifier: str | None = None
    partner: str | None = None
    incident: str | None = None
    rule: str | None = None
    threat_id: UUID | None = None

    @property
    def is_at_one_asset(self) -> bool:
        return self.asset is not None or self.threat_id is not None

    def covers(self, case: "Case", now: datetime) -> bool:
        if now >= self.expires_at:
            return False
        if self.threat_id is not None:
            return self.threat_id == case.threat_id
        event = case.event
        return (
            self.asset in {None, event.key}
            and self.identifier in {None, event.indicator.identifier}
            and self.partner in {None, event.partner}
            and self.incident in {None, case.incident.slug if case.incident else ""}
            and (self.rule is None or self.rule in rules_behind(event.indicator))
            and (self.ip_range is None or _is_in(event.indicator.asset.ip, self.ip_range))
            and (self.domain is None or any(is_within(host, self.domain) for host in event.indicator.asset.hosts))
        )


class StoredFalsePositive(msgspec.Struct, frozen=True, kw_only=True):
    """An entry, and who made it when."""

    id: UUID
    entry: FalsePositive
    added_at: datetime
    added_by: str


class HeldSighting(msgspec.Struct, frozen=True):
    """A record that waits for a person, and says of an asset what others may say too."""

    partner: str
    source: str
    seen_at: datetime
    confidence: float


class History(msgspec.Struct, frozen=True):
    """What is known before a batch: threats by id, false positives by asset, what is held by the id of its threat."""

    threats: Mapping[UUID, Threat]
    false_positives: Mapping[str, tuple[FalsePositive, ...]]
    held: Mapping[UUID, tuple[HeldSighting, ...]] = {}

    def case_of(self, event: RawIndicator, incident: Incident | None) -> "Case":
        threat_id = threat_id_of(event)
        return Case(
            event=event,
            threat_id=threat_id,
            incident=incident,
            known=self.threats.get(threat_id),
            false_positives=self.false_positives.get(event.key, ()),
            held=self.held.get(threat_id, ()),
        )


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator, with what is known of the threat that it speaks of, and the incident that it belongs to."""

    event: RawIndicator
    threat_id: UUID
    incident: Incident | None
    known: Threat | None
    false_positives: tuple[FalsePositive, ...]
    held: tuple[HeldSighting, ...] = ()


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of one indicator. `outcome` is None where the threat goes on to be attributed.

    `reopened` where that threat had been closed, and is news again; `listed` where another team warns its owner. One
    that `is_doubted` would be held, had nobody else found the same; only its threat keeps that.
    """

    indicator: RawIndicator
    verdict: Verdict
    outcome: Outcome | None
    reason: str
    message: str
    grade: str
    severity: Severity
    confidence: float
    reasons: tuple[Reason, ...]
    threat_id: UUID
    incident: str | None
    first_seen_at: datetime
    rules_version: str
    at: datetime
    decided_by: str | None = None
    note: str | None = None
    reopened: Reopened | None = None
    listed: ListedOperator | None = None
    is_doubted: bool = False

    @property
    def is_verified(self) -> bool:
        return self.verdict is Verdict.VERIFIED

    @property
    def before(self) -> "Before":
        """As it stands, for whoever decides otherwise."""
        return Before(**{name: getattr(self, name) for name in Before.__struct_fields__})


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What was held, without the record itself."""

    reason: str
    message: str
    grade: str
    severity: Severity
    confidence: float
    reasons: tuple[Reason, ...]
    incident: str | None
    rules_version: str
    at: datetime


def is_within(name: str, domain: str) -> bool:
    """Whether a name is this domain, or below it."""
    return name == domain or name.endswith(f".{domain}")


def _is_in(address: str | None, ip_range: str) -> bool:
    ip = parse_ip(address) if address else None
    return ip is not None and ip in ip_network(ip_range)


def threat_id_of(event: RawIndicator) -> UUID:
    """The identity of a threat: the asset with its port, what is wrong there, and with which malware.

    All of the asset counts: two hacked sites on one shared address, or two leaked accounts of one domain, are two. What
    a partner tries out is a threat apart: no sighting, no doubt and no answer passes from one to the other.
    """
    indicator, asset = event.indicator, event.indicator.asset
    place = (asset.ip, asset.port, asset.transport, asset.domain, asset.url, asset.asn, asset.email)
    tried = ("test", event.partner) if event.is_test else ()
    return _threat_id(*place, indicator.identifier, (indicator.malware_name or "").lower(), *tried)


@lru_cache(maxsize=16_384)
def _threat_id(*identity: object) -> UUID:
    """Kept for a while: a batch asks for each at least twice, and feeds repeat themselves."""
    return derived_id("threat", *identity)
