"""Literals of this folder's tests: one target, one incident, one mail, each with what a test cares about replaced."""

from datetime import UTC, datetime, timedelta
from itertools import count

from libs.common.contracts import (
    Advisory,
    Asset,
    Encryption,
    Evidence,
    IncidentChanged,
    Indicator,
    Product,
    Recipient,
    TargetAttributed,
)
from libs.common.ids import derived_id
from libs.common.references import reference_of
from libs.common.vocabulary import IncidentState, Language, RecipientKind, Severity, Transport
from services.notifier.domain.house import House
from services.notifier.domain.letter import Tokens
from services.notifier.domain.notification import Consignment, Notification, State

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

HOUSE = House(
    name="Tocsin",
    from_address="notifications@tocsin.example",
    desk_address="desk@tocsin.example",
    envelope_sender="bounces@tocsin.example",
    public_url="https://tocsin.example",
)

TOKENS = Tokens(rating="rating-token", recipient="recipient-token")

_numbers = count(1)


def recipient(
    *,
    name: str = "Bakkerij Jansen",
    email: str = "info@jansen.example",
    kind: RecipientKind = RecipientKind.ORGANISATION,
    language: Language = Language.DUTCH,
    encryption: Encryption | None = None,
) -> Recipient:
    return Recipient(kind=kind, name=name, email=email, language=language, encryption=encryption)


def trying_partner(
    *,
    partner: str = "demo",
    email: str = "desk@demo.example",
    kind: RecipientKind = RecipientKind.ORGANISATION,
    language: Language = Language.DUTCH,
) -> Recipient:
    """A partner that tries something out, as attribution names it."""
    return Recipient(kind=kind, name=partner, email=email, language=language, test_of=partner)


def target(
    *,
    asset: Asset | None = None,
    to: Recipient | None = None,
    incident: str = "open-smb",
    severity: Severity = Severity.HIGH,
    confidence: float = 0.9,
    evidence: str = "192.0.2.0/24 BAKERY-NET: abuse@provider.example",
    hours_ago: int = 1,
    first_seen_hours_ago: int | None = None,
    product: Product | None = None,
) -> TargetAttributed:
    number = next(_numbers)
    return TargetAttributed(
        target_id=derived_id("target", number),
        threat_id=derived_id("threat", number),
        indicator_id=derived_id("indicator", number),
        submission_id=derived_id("submission", 1),
        record=number,
        partner="demo",
        received_at=NOW,
        indicator=Indicator(
            seen_at=NOW - timedelta(hours=hours_ago),
            category="vulnerable/vulnerable-system",
            identifier="open-smb",
            asset=asset or Asset(ip="192.0.2.1", port=445, transport=Transport.TCP),
            product=product,
        ),
        incident=incident,
        severity=severity,
        grade="B2",
        first_seen_at=NOW - timedelta(hours=hours_ago + 48 if first_seen_hours_ago is None else first_seen_hours_ago),
        recipient=to or recipient(),
        confidence=confidence,
        evidence=(
            Evidence(source="registered-domain", asked="x", answered="not registered", at=NOW, confidence=0.0),
            Evidence(source="ripe:abuse-c 2026-02-01", asked="192.0.2.1", answered=evidence, at=NOW, confidence=0.6),
        ),
    )


def advisory(*, title: str = "Uw gedeelde mappen zijn vanaf internet te bereiken") -> Advisory:
    return Advisory(
        title=title,
        what="De deur staat open.\n\nDat is bijna nooit de bedoeling.",
        why="Wie binnenkomt, kan bestanden op slot zetten.",
        check=("Kijk in de router.",),
        act=("Sluit poort 445.", "Plaats de updates."),
        otherwise="Bel uw internetprovider.",
        sources=("Shadowserver Foundation: Accessible SMB Report",),
    )


def incident(*, told: Advisory | None = None, slug: str = "open-smb") -> IncidentChanged:
    return IncidentChanged(
        slug=slug,
        revision=1,
        category="vulnerable/vulnerable-system",
        severity=Severity.HIGH,
        state=IncidentState.APPROVED,
        advisory={language: told or advisory() for language in Language},
    )


def notification(
    *,
    to: Recipient | None = None,
    severity: Severity = Severity.HIGH,
    tries: int = 1,
    doubts: int = 0,
    settled: bool = False,
    sent_at: datetime | None = None,
) -> Notification:
    notification_id = derived_id("notification", "test")
    return Notification(
        id=notification_id,
        reference=reference_of(notification_id, b"key of the tests"),
        recipient=to or recipient(),
        incident="open-smb",
        severity=severity,
        confidence=0.9,
        state=State.SENDING,
        reason="",
        note="",
        partners=("demo",),
        targets_total=1,
        created_at=NOW,
        due_at=NOW,
        queued_at=NOW,
        next_attempt_at=NOW,
        sent_at=sent_at,
        subject=None,
        tries=tries,
        doubts=doubts,
        settled=settled,
        decided_by=None,
        decided_at=None,
    )


def consignment(
    *targets: TargetAttributed, about: Notification | None = None, of: IncidentChanged | None = None
) -> Consignment:
    return Consignment(notification=about or notification(), incident=of or incident(), targets=targets or (target(),))
