"""Events as the services make them of the feed: what a stage would find on its topic, without the stages before it.

Indicators are read by intake's own parser, and ids are derived by the services' own functions; all of one run belong to
one submission and one trace, as those of a feed do.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, islice
from uuid import UUID

from bench.feed import NETWORKS, Kind, feed, kind_of, owner_of
from libs.common.contracts import (
    Evidence,
    IndicatorSettled,
    NotificationSent,
    NotifiedTarget,
    RawIndicator,
    Recipient,
    TargetAttributed,
    ThreatVerified,
)
from libs.common.ids import derived_id, new_id
from libs.common.references import reference_of
from libs.common.vocabulary import Language, Outcome, RecipientKind, Reliability, Severity
from services.attribution.domain.attributions import target_id_of
from services.intake.domain.formats import FORMATS, ParseOptions
from services.intake.domain.records import ParsedRecord
from services.intake.domain.submissions import indicator_id
from services.verifier.domain import threat_id_of

PARTNER = "demo"
INCIDENT = "open-smb"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ALL_THERE_ARE = 5_000_000
REFERENCE_KEY = b"of references that nobody looks up"

OUTCOME_OF = {
    Kind.NEWS: Outcome.NOTIFIED,
    Kind.KNOWN: Outcome.DUPLICATE,
    Kind.ABROAD: Outcome.OUT_OF_SCOPE,
    Kind.OLD: Outcome.EXPIRED,
    Kind.STRANGER: Outcome.UNATTRIBUTABLE,
}


def raw_indicators(events: int, now: datetime) -> Iterator[RawIndicator]:
    """What intake says of a feed of so many records."""
    submission_id = new_id()
    for record in FORMATS["shadowserver-csv"].parse(feed(events, now=now), ParseOptions("scan_smb", now)):
        assert isinstance(record, ParsedRecord)
        yield RawIndicator(
            indicator_id=indicator_id(submission_id, record.record),
            submission_id=submission_id,
            record=record.record,
            partner=PARTNER,
            reliability=Reliability.B,
            received_at=now,
            indicator=record.indicator,
            traceparent=TRACEPARENT,
        )


def verified_threats(events: int, now: datetime) -> Iterator[ThreatVerified]:
    """What the verifier lets through; one in thirteen is at an address of nobody that we know."""
    return islice(_threats(frozenset({Kind.NEWS, Kind.STRANGER}), now), events)


def attributed_targets(events: int, now: datetime) -> Iterator[TargetAttributed]:
    """What attribution says of the threats in the networks that it knows."""
    return (_target(threat, now) for threat in islice(_threats(frozenset({Kind.NEWS}), now), events))


def lone_targets(events: int, now: datetime) -> Iterator[TargetAttributed]:
    """Critical ones, each of a recipient of its own."""
    for number, threat in enumerate(islice(_threats(frozenset({Kind.NEWS}), now), events)):
        recipient = Recipient(
            kind=RecipientKind.ORGANISATION,
            name=f"Company {number}",
            email=f"security@company{number}.example",
            language=Language.DUTCH if number % 2 else Language.ENGLISH,
        )
        yield _target(threat, now, recipient=recipient, severity=Severity.CRITICAL)


def sent_notifications(events: int, now: datetime) -> Iterator[NotificationSent]:
    """Each with two targets."""
    threats = _threats(frozenset({Kind.NEWS}), now)
    for number in range(events):
        targets = [_target(threat, now) for threat in islice(threats, 2)]
        notification_id = derived_id("notification", number, now)
        yield NotificationSent(
            notification_id=notification_id,
            reference=reference_of(notification_id, REFERENCE_KEY),
            recipient_key=targets[0].key,
            recipient_kind=RecipientKind.NETWORK_OWNER,
            language=Language.DUTCH,
            incident=INCIDENT,
            category=targets[0].indicator.category,
            subject="An SMB service in your network can be reached from the internet",
            sent_at=now,
            targets=tuple(
                NotifiedTarget(target_id=target.target_id, threat_id=target.threat_id, asset=target.indicator.asset.key)
                for target in targets
            ),
            traceparent=TRACEPARENT,
        )


def outcomes(records: int, submission_id: UUID, now: datetime) -> Iterator[IndicatorSettled]:
    """How the records of a submission that intake knows end."""
    for record in range(1, records + 1):
        outcome = OUTCOME_OF[kind_of(record - 1)]
        yield IndicatorSettled(
            indicator_id=indicator_id(submission_id, record),
            submission_id=submission_id,
            record=record,
            outcome=outcome,
            reason=outcome.value,
            message="The network's owner was told; their reference is TOC-000000000X.",
            at=now,
            by="bench",
            traceparent=TRACEPARENT,
        )


def _threats(kinds: frozenset[Kind], now: datetime) -> Iterator[ThreatVerified]:
    """Without end, for our purposes."""
    for number, raw in zip(count(), raw_indicators(ALL_THERE_ARE, now)):
        if kind_of(number) in kinds:
            yield ThreatVerified(
                threat_id=threat_id_of(raw),
                indicator_id=raw.indicator_id,
                submission_id=raw.submission_id,
                record=raw.record,
                partner=raw.partner,
                received_at=raw.received_at,
                indicator=raw.indicator,
                incident=INCIDENT,
                severity=Severity.HIGH,
                grade="B2",
                confidence=0.9,
                first_seen_at=raw.indicator.seen_at,
                traceparent=raw.traceparent,
            )


def _target(
    threat: ThreatVerified, now: datetime, *, recipient: Recipient | None = None, severity: Severity = Severity.HIGH
) -> TargetAttributed:
    network = (threat.record - 1) % NETWORKS
    owner = Recipient(
        kind=RecipientKind.NETWORK_OWNER,
        name=f"Bench Network {network}",
        email=owner_of(network),
        language=Language.DUTCH,
    )
    return TargetAttributed(
        target_id=target_id_of(threat.indicator_id),
        threat_id=threat.threat_id,
        indicator_id=threat.indicator_id,
        submission_id=threat.submission_id,
        record=threat.record,
        partner=threat.partner,
        received_at=threat.received_at,
        indicator=threat.indicator,
        incident=threat.incident,
        severity=severity,
        grade=threat.grade,
        first_seen_at=threat.first_seen_at,
        recipient=recipient or owner,
        confidence=0.5,
        evidence=_evidence(threat, owner, at=now + timedelta(seconds=1)),
        traceparent=threat.traceparent,
    )


def _evidence(threat: ThreatVerified, owner: Recipient, *, at: datetime) -> tuple[Evidence, ...]:
    """The five steps that attribution takes for an address in a network that it knows."""
    asked = threat.indicator.asset.key
    answers = (
        ("registered-range", asked, "not registered", 0.0),
        ("registered-asn", "AS64500", "not registered", 0.0),
        ("ripe:country 2026-11-24", asked, "NL", 0.0),
        ("ripe:abuse-c 2026-11-24", asked, f"2001:db8::/44 {owner.name}: {owner.email}", 0.5),
        ("ripe:aut-num 2026-11-24", "AS64500", "not known", 0.0),
    )
    return tuple(
        Evidence(source=source, asked=asked, answered=answered, at=at, confidence=confidence)
        for source, asked, answered, confidence in answers
    )
