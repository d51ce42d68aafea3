"""The values that the verifier thinks in."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

import msgspec

from libs.common.contracts import RawIndicator, Reopened
from libs.common.ids import derived_id
from libs.common.vocabulary import Outcome, Severity
from services.verifier.domain.catalogue import Incident


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


class ThreatState(StrEnum):
    """Life of a threat; `quiet` is an open one that has not been seen for a while."""

    OPEN = "open"
    QUIET = "quiet"
    CLOSED = "closed"


class Threat(msgspec.Struct, frozen=True, kw_only=True):
    """A finding at an asset, known from one or more indicators.

    `partners` are those who reported it; `announced_at` is when it was last sent on to be attributed. One that
    `is_test` is known to the tests of its one partner, and to nobody else.
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
    announced_at: datetime
    closed_at: datetime | None = None
    closed_reason: str | None = None
    is_test: bool = False


class FalsePositive(msgspec.Struct, frozen=True, kw_only=True):
    """Something known to be wrong: one threat, a finding at an asset, or with `identifier` None every finding there.

    A recipient speaks for one threat: others may share its address. Only an analyst speaks for all of an asset.
    """

    asset: str
    identifier: str | None
    reason: str
    expires_at: datetime
    threat_id: UUID | None = None

    def covers(self, case: "Case", now: datetime) -> bool:
        if now >= self.expires_at:
            return False
        if self.threat_id is not None:
            return self.threat_id == case.threat_id
        return self.asset == case.event.key and self.identifier in {None, case.event.indicator.identifier}


class History(msgspec.Struct, frozen=True):
    """What is known of a batch's assets before the batch: threats by id, false positives by asset."""

    threats: Mapping[UUID, Threat]
    false_positives: Mapping[str, tuple[FalsePositive, ...]]

    def case_of(self, event: RawIndicator, incident: Incident | None) -> "Case":
        threat_id = threat_id_of(event)
        return Case(
            event=event,
            threat_id=threat_id,
            incident=incident,
            known=self.threats.get(threat_id),
            false_positives=self.false_positives.get(event.key, ()),
        )


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator, with what is known of the threat that it speaks of, and the incident that it belongs to."""

    event: RawIndicator
    threat_id: UUID
    incident: Incident | None
    known: Threat | None
    false_positives: tuple[FalsePositive, ...]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of one indicator. `outcome` is None where the threat goes on to be attributed.

    `reopened` where that threat had been closed, and is news again.
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
    reopened: Reopened | None = None


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
