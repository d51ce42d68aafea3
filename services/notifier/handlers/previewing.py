"""Mails as they would look: of a notification, or of an incident with made-up findings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from uuid import UUID

import msgspec

from libs.common.contracts import Asset, Evidence, HandOver, IncidentChanged, Indicator, Recipient
from libs.common.contracts import TargetAttributed as Target
from libs.common.db import Transaction
from libs.common.errors import Permanent
from libs.common.ids import derived_id
from libs.common.vocabulary import Language, RecipientKind, Transport
from services.notifier.domain.amount.policy import AmountPolicy
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment, Notification, State
from services.notifier.domain.planning import SuppressionList, covering_of
from services.notifier.handlers.amount import Parcel, parcel_with
from services.notifier.handlers.scribe import Scribe, inert
from services.notifier.handlers.sending import consignments_of, packed
from services.notifier.store.incidents import incidents_named
from services.notifier.store.orders import suppressions_of
from services.notifier.store.together import firsts_to_recipients

FIRST_SAMPLE = IPv4Address("198.18.0.1")
"""Of the range for benchmarks (RFC 2544): nobody's address, and spam filters do not frown at it."""


def preview(consignment: Consignment, *, scribe: Scribe, now: datetime) -> Mail:
    """The mail, with links that lead nowhere. Raises `Permanent` if it can't be written."""
    return scribe.compose(consignment, tokens=inert, now=now)


async def consignment_with(
    tx: Transaction, notification: Notification, *, amounts: AmountPolicy, approval_confidence: float, now: datetime
) -> Consignment:
    """All that goes in the mail of this notification, or went: as the sender would take it up. Nothing is changed.

    Raises `Permanent` where that can't be known yet.
    """
    if not await incidents_named(tx, {notification.incident}):
        raise Permanent(f"nothing is known yet of the incident {notification.incident}")
    parcel = await parcel_with(tx, notification, policy=amounts, approval_confidence=approval_confidence, now=now)
    members = await _as_first(tx, await _not_silenced(tx, parcel.members, but=notification, now=now))
    (consignment,) = packed(await consignments_of(tx, members), [Parcel(members)])
    return consignment


async def _not_silenced(
    tx: Transaction, members: Sequence[Notification], *, but: Notification, now: datetime
) -> list[Notification]:
    """Without what the sender would take back; whoever looks at one sees that one."""
    recipients = {(each.recipient.key, each.recipient.organisation_id) for each in members}
    silent = SuppressionList(await suppressions_of(tx, recipients, now=now))
    return [
        each
        for each in members
        if each.id == but.id or each.tries or covering_of(silent, each.recipient, each.incident) is None
    ]


async def _as_first(tx: Transaction, members: Sequence[Notification]) -> tuple[Notification, ...]:
    """With what is decided anew when they are first taken up: whether one is the first to its recipient."""
    firsts = await firsts_to_recipients(tx, [each.id for each in members if not each.tries])
    return tuple(
        each if each.tries else msgspec.structs.replace(each, is_first_to_recipient=each.id in firsts)
        for each in members
    )


def sample_consignment(
    incident: IncidentChanged,
    *,
    kind: RecipientKind,
    language: Language,
    findings: int,
    name: str,
    now: datetime,
    is_first: bool = False,
) -> Consignment:
    """A mail about this incident to somebody who does not exist; `name` is what an organisation could be called."""
    recipient = Recipient(
        kind=kind,
        name="CSIRT-EXAMPLE" if kind is RecipientKind.NATIONAL_CERT else name,
        email="info@example.com",
        language=language,
    )
    return Consignment(
        notification=msgspec.structs.replace(
            _sample_notification(incident, recipient, findings, now), is_first_to_recipient=is_first
        ),
        incident=incident,
        targets=tuple(
            msgspec.structs.replace(target, handed_over=_sample_hand_over(kind, name))
            for target in _sample_targets(incident, recipient, findings, now)
        ),
    )


def addressed(consignment: Consignment, *, email: str, by: str, id_: UUID) -> Consignment:
    """The same to somebody who does exist: marked as a test by them, and another mail each time."""
    recipient = msgspec.structs.replace(consignment.notification.recipient, email=email, test_of=by)
    notification = msgspec.structs.replace(consignment.notification, id=id_, recipient=recipient)
    targets = tuple(msgspec.structs.replace(target, recipient=recipient) for target in consignment.targets)
    return msgspec.structs.replace(consignment, notification=notification, targets=targets)


def _sample_notification(incident: IncidentChanged, recipient: Recipient, findings: int, now: datetime) -> Notification:
    return Notification(
        id=derived_id("sample-notification", incident.slug, recipient.kind, recipient.language),
        reference="TOC-0000000000",
        recipient=recipient,
        incident=incident.slug,
        severity=incident.severity,
        confidence=1.0,
        state=State.QUEUED,
        reason="",
        note="",
        partners=("sample",),
        targets_total=findings,
        created_at=now,
        due_at=now,
        queued_at=now,
        next_attempt_at=now,
        sent_at=None,
        subject=None,
        tries=0,
        doubts=0,
        settled=False,
        decided_by=None,
        decided_at=None,
    )


def _sample_targets(
    incident: IncidentChanged, recipient: Recipient, findings: int, now: datetime
) -> tuple[Target, ...]:
    return tuple(_sample_target(incident, recipient, place, now) for place in range(findings))


def _sample_target(incident: IncidentChanged, recipient: Recipient, place: int, now: datetime) -> Target:
    address = str(FIRST_SAMPLE + place)
    return Target(
        target_id=derived_id("sample-target", place),
        threat_id=derived_id("sample-threat", place),
        indicator_id=derived_id("sample-indicator", place),
        submission_id=derived_id("sample-submission"),
        record=place + 1,
        partner="sample",
        received_at=now,
        indicator=Indicator(
            seen_at=now - timedelta(hours=3),
            category=incident.category,
            identifier=incident.slug,
            asset=Asset(ip=address, port=443, transport=Transport.TCP),
            cve_ids=incident.cve_ids,
        ),
        incident=incident.slug,
        severity=incident.severity,
        grade="B2",
        first_seen_at=now - timedelta(days=2),
        recipient=recipient,
        confidence=1.0,
        evidence=_sample_evidence(recipient, address, now),
    )


def _sample_hand_over(kind: RecipientKind, name: str) -> HandOver | None:
    return HandOver(reason="vital-organisation", organisation=name) if kind is RecipientKind.NATIONAL_CERT else None


def _sample_evidence(recipient: Recipient, address: str, now: datetime) -> tuple[Evidence, ...]:
    is_registered = recipient.kind is not RecipientKind.NETWORK_OWNER
    return (
        Evidence(
            source="registered-range" if is_registered else "ripe:abuse-c",
            asked=address,
            answered="198.18.0.0/24" if is_registered else "198.18.0.0 - 198.18.255.255 EXAMPLE-NET",
            at=now,
            confidence=1.0,
        ),
    )
