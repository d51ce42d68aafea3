"""Notifications and incidents as the other services tell of them."""

from datetime import UTC, datetime
from uuid import UUID

from libs.common.contracts import Advisory, IncidentChanged, NotificationSent, NotifiedTarget, Recipient
from libs.common.ids import derived_id
from libs.common.references import reference_of
from libs.common.vocabulary import IncidentState, Language, NotificationKind, RecipientKind, Severity

SENT_AT = datetime(2026, 5, 8, 22, 30, tzinfo=UTC)


def mail(
    name: str = "bakery",
    *,
    assets: tuple[str, ...] = ("192.0.2.14",),
    incident: str = "open-smb",
    kind: RecipientKind = RecipientKind.ORGANISATION,
    language: Language = Language.ENGLISH,
    subject: str = "Security warning for Bakery",
    sent_at: datetime = SENT_AT,
    test_of: str | None = None,
    address: str | None = None,
    does: NotificationKind = NotificationKind.WARNING,
) -> NotificationSent:
    """A notification that left; the same name gives the same one."""
    notification_id = derived_id("test-mail", name)
    return NotificationSent(
        notification_id=notification_id,
        reference=reference_of(notification_id, b"key"),
        recipient_key=Recipient(
            kind=kind, name=name, email=address or f"{name}@example.com", language=language, test_of=test_of
        ).key,
        recipient_kind=kind,
        language=language,
        incident=incident,
        category="vulnerable/vulnerable-system",
        subject=subject,
        sent_at=sent_at,
        targets=tuple(
            NotifiedTarget(target_id=derived_id("target", name, asset), threat_id=threat(name, asset), asset=asset)
            for asset in assets
        ),
        is_test=test_of is not None,
        kind=does,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )


def threat(name: str, asset: str) -> UUID:
    return derived_id("threat", name, asset)


def incident(slug: str, *, title: str, revision: int = 1) -> IncidentChanged:
    advisory = Advisory(title=title, what="", why="", check=(), act=(), otherwise="", sources=())
    return IncidentChanged(
        slug=slug,
        revision=revision,
        category="vulnerable/vulnerable-system",
        severity=Severity.HIGH,
        state=IncidentState.APPROVED,
        advisory=dict.fromkeys(Language, advisory),
    )
