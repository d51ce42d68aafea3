"""What can be counted and timed at the end, from the APIs and the Maildir."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.demo.follow import Ledger
from libs.common.vocabulary import Severity


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the push to the mail, over all records that were mailed."""

    p50: float
    p99: float


def latency(ledger: Ledger, *, severities: frozenset[Severity] = frozenset(Severity)) -> Latency | None:
    """From the moment that intake received a record to the moment that the relay had its mail; None without any."""
    received = {each.receipt.id: each.receipt.received_at for each in ledger.pushed}
    seconds = sorted(
        (notification.sent_at - received[target.submission_id]).total_seconds()
        for notification in ledger.notifications
        if notification.sent_at is not None
        for target in notification.targets
        if target.severity in severities
    )
    return Latency(_percentile(seconds, 50), _percentile(seconds, 99)) if seconds else None


def events_per_second(ledger: Ledger) -> float:
    """Accepted records by the time between the first push and the last outcome."""
    accepted = sum(each.receipt.records.accepted for each in ledger.pushed)
    first = min(each.receipt.received_at for each in ledger.pushed)
    last = max(line.at for lines in ledger.records.values() for line in lines)
    return accepted / max((last - first).total_seconds(), 0.001)


def told_twice(ledger: Ledger) -> int:
    """Findings that one recipient reads of in more than one file of the Maildir: by asset, port and finding."""
    notifications = {notification.reference: notification for notification in ledger.notifications}
    told = Counter(
        (mail.recipient, target.asset, target.port, target.identifier)
        for mail in ledger.mails
        if (notification := notifications.get(mail.reference)) is not None
        for target in notification.targets
    )
    return sum(1 for times in told.values() if times > 1)


def is_reconciled(ledger: Ledger) -> bool:
    """Every record of every submission is there once, with one outcome, and the receipts add up to the same."""
    return all(_is_accounted_for(ledger, place) for place in range(len(ledger.pushed)))


def _is_accounted_for(ledger: Ledger, place: int) -> bool:
    receipt = ledger.pushed[place].receipt
    lines = ledger.records[receipt.id]
    counted = Counter(line.outcome for line in lines)
    rejected = counted.pop("rejected", 0)
    return (
        sorted(line.record for line in lines) == list(range(1, receipt.records.total + 1))
        and dict(counted) == {outcome: number for outcome, number in receipt.outcomes.items() if number}
        and counted.total() == receipt.records.accepted
        and rejected == receipt.records.rejected
        and counted["pending"] == 0
    )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """Nearest rank."""
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 3)
