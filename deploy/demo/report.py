"""`demo-report.json`: the demo in numbers, for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deploy.demo.comparison import Check, Happenings
from deploy.demo.follow import outcomes_of
from deploy.demo.measures import Latency, events_per_second, is_reconciled, latency, told_twice


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """The names are those of the interface; `outcomes` are of the accepted records, as in a receipt."""

    records: int
    accepted: int
    rejected: int
    outcomes: dict[str, int]
    notifications: int
    mails_delivered: int
    feedback: int
    duplicates_mailed: int
    latency_seconds: dict[str, float]
    events_per_second: float
    reconciled: bool
    faults: dict[str, dict[str, int]]
    deaths: dict[str, int]
    in_doubt: int
    second_copies: int
    setup_seconds: float
    run_seconds: float
    expectations: Sequence[Check]

    @property
    def holds(self) -> bool:
        """Whether everything is as it must be."""
        return self.reconciled and self.duplicates_mailed == 0 and all(check.ok for check in self.expectations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survived:
    """What struck while the demo ran: faults by who had them, and how often each part died and came back."""

    faults: Mapping[str, Mapping[str, int]]
    deaths: Mapping[str, int]


def report_of(
    happened: Happenings, checks: Sequence[Check], survived: Survived, *, setup_seconds: float, run_seconds: float
) -> DemoReport:
    ledger = happened.ledger
    receipts = [pushed.receipt for pushed in ledger.pushed]
    outcomes = outcomes_of(receipts)
    rejected = outcomes.pop("rejected", 0)
    taken = latency(ledger) or Latency(0.0, 0.0)
    return DemoReport(
        records=sum(receipt.records.total for receipt in receipts),
        accepted=sum(receipt.records.accepted for receipt in receipts),
        rejected=rejected,
        outcomes={outcome: number for outcome, number in sorted(outcomes.items()) if number},
        notifications=len(ledger.notifications),
        mails_delivered=len(ledger.mails),
        feedback=happened.feedback,
        duplicates_mailed=told_twice(ledger),
        latency_seconds={"p50": taken.p50, "p99": taken.p99},
        events_per_second=round(events_per_second(ledger), 1),
        reconciled=is_reconciled(ledger) and happened.is_sound,
        faults={place: dict(counts) for place, counts in survived.faults.items()},
        deaths={part: times for part, times in survived.deaths.items() if times},
        in_doubt=sum(notification.doubts for notification in ledger.notifications),
        second_copies=len(ledger.copies),
        setup_seconds=round(setup_seconds, 1),
        run_seconds=round(run_seconds, 1),
        expectations=checks,
    )


def write_report(report: DemoReport, path: Path) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
