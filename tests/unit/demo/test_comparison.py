"""The comparison: a run that went as made holds, and each kind of mishap is noticed."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from deploy.demo.apis import Attempt, Counts, Notification, Receipt, Recipient, RecordLine, Target
from deploy.demo.comparison import Happenings, compare
from deploy.demo.expectations import Expectations, FileExpectation, expect
from deploy.demo.fates import REJECTED
from deploy.demo.feeds import PUSHED_TWICE, Feed, make_feeds
from deploy.demo.follow import Ledger
from deploy.demo.mails import Mail, without_second_copies
from deploy.demo.measures import latency, told_twice
from deploy.demo.push import Pushed
from deploy.demo.world import TEAM
from libs.common.vocabulary import Outcome, Severity

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=4)


@pytest.fixture(scope="module")
def feeds() -> list[Feed]:
    return make_feeds(records=1_000, seed=1, now=NOW)


@pytest.fixture(scope="module")
def expectations(feeds: list[Feed]) -> Expectations:
    return expect(feeds, seed=1, now=NOW)


@pytest.fixture(scope="module")
def happened(feeds: list[Feed], expectations: Expectations) -> Happenings:
    """A run in which everything went as the feeds were made."""
    pushed = [Pushed(feed=feed, receipt=receipt(file)) for feed, file in zip(feeds, expectations.files, strict=True)]
    again = Pushed(feed=feeds[PUSHED_TWICE], receipt=receipt(expectations.again))
    ledger = Ledger(
        pushed=[*pushed, again],
        records={each.receipt.id: lines(each.feed) for each in pushed} | {again.receipt.id: lines_again(again.feed)},
        notifications=(notifications := notifications_of(pushed)),
        mails=[mail_of(notification) for notification in notifications],
    )
    return Happenings(
        ledger=ledger,
        again=again.receipt,
        retried=pushed[PUSHED_TWICE].receipt,
        mails_before_again=len(ledger.mails),
        mails_after_again=len(ledger.mails),
        approved=expectations.approval,
        refused=0,
        genuine=5,
        asked_whether_genuine=5,
        feedback=2,
        closed=4,
        called_wrong=4,
        statistics_total=len(ledger.warnings),
        is_sound=True,
    )


def receipt(file: FileExpectation) -> Receipt:
    return Receipt(
        id=uuid4(),
        partner=file.partner,
        status="done",
        received_at=NOW,
        records=Counts(file.records, file.accepted, file.rejected),
        outcomes=file.outcomes,
    )


def lines(feed: Feed) -> list[RecordLine]:
    return [line(number, record.fate.outcome) for number, record in enumerate(feed.records, start=1)]


def lines_again(feed: Feed) -> list[RecordLine]:
    outcomes = [Outcome.DUPLICATE if record.fate.is_threat else record.fate.outcome for record in feed.records]
    return [line(number, outcome) for number, outcome in enumerate(outcomes, start=1)]


def line(number: int, outcome: str) -> RecordLine:
    indicator_id = None if outcome == REJECTED else uuid4()
    return RecordLine(record=number, indicator_id=indicator_id, outcome=outcome, reason=None, message=None, at=LATER)


def notifications_of(pushed: Sequence[Pushed]) -> list[Notification]:
    told: defaultdict[tuple[str, str], list[Target]] = defaultdict(list)
    for each in pushed:
        for number, record in enumerate(each.feed.records, start=1):
            fate = record.fate
            if fate.recipient and fate.incident and fate.asset:
                target = target_of(fate.asset, fate.incident, each.receipt.id, number)
                told[fate.recipient, fate.incident].append(target)
    return [notification_of(recipient, incident, targets) for (recipient, incident), targets in told.items()]


def target_of(asset: str, incident: str, submission_id: UUID, record: int) -> Target:
    return Target(
        threat_id=uuid4(),
        submission_id=submission_id,
        record=record,
        asset=asset,
        port=None,
        identifier=incident,
        severity=Severity.HIGH,
        evidence=[],
    )


def notification_of(recipient: str, incident: str, targets: list[Target]) -> Notification:
    return Notification(
        id=uuid4(),
        reference=f"TOC-{recipient}-{incident}",
        state="sent",
        recipient=Recipient(
            name=recipient, email=recipient, kind="national-cert" if recipient == TEAM else "organisation"
        ),
        incident=incident,
        sent_at=LATER,
        targets_total=len(targets),
        targets=targets,
    )


def mail_of(notification: Notification) -> Mail:
    return Mail(
        path=Path("mail"),
        recipient=notification.recipient.email,
        reference=notification.reference,
        subject="",
        text="hello",
        attached=("findings-x.csv", "xarf-x.json") if notification.recipient.email == TEAM else (),
    )


def wrong(expectations: Expectations, happened: Happenings) -> list[str]:
    return [check.name for check in compare(expectations, happened) if not check.ok]


def test_a_run_that_went_as_made_holds(expectations: Expectations, happened: Happenings) -> None:
    assert wrong(expectations, happened) == []


def test_a_record_that_ended_elsewhere_is_noticed(expectations: Expectations, happened: Happenings) -> None:
    first = happened.ledger.pushed[0].receipt.id
    records = happened.ledger.records
    place = next(n for n, each in enumerate(records[first]) if each.outcome == Outcome.EXPIRED)
    moved = [*records[first][:place], line(place + 1, Outcome.HELD), *records[first][place + 1 :]]
    ledger = replace(happened.ledger, records=records | {first: moved})

    found = wrong(expectations, replace(happened, ledger=ledger))

    assert f"{expectations.files[0].file}: records that ended elsewhere than made for" in found
    assert "the sums reconcile over the partners' receipts" in found


def test_a_record_without_an_outcome_is_noticed(expectations: Expectations, happened: Happenings) -> None:
    pushed = happened.ledger.pushed[0]
    pending = msgspec.structs.replace(pushed.receipt, outcomes=pushed.receipt.outcomes | {"pending": 1})
    ledger = replace(happened.ledger, pushed=[replace(pushed, receipt=pending), *happened.ledger.pushed[1:]])

    found = wrong(expectations, replace(happened, ledger=ledger))

    assert f"{expectations.files[0].file}: outcomes" in found
    assert "the sums reconcile over the partners' receipts" in found


def test_a_mail_to_somebody_who_opted_out_is_noticed(expectations: Expectations, happened: Happenings) -> None:
    stray = notification_of(expectations.never_written_to[0], "open-smb", [])
    ledger = replace(
        happened.ledger,
        notifications=[*happened.ledger.notifications, stray],
        mails=[*happened.ledger.mails, mail_of(stray)],
    )

    found = wrong(expectations, replace(happened, ledger=ledger))

    assert {"recipients", "nobody is written to who must not be"} <= set(found)


def test_a_mail_that_did_not_arrive_is_noticed(expectations: Expectations, happened: Happenings) -> None:
    ledger = replace(happened.ledger, mails=happened.ledger.mails[1:])

    found = wrong(expectations, replace(happened, ledger=ledger))

    assert {"recipients and what they are told of", "assets that mails name", "mails by reference"} <= set(found)


def test_a_mail_that_arrived_twice_is_noticed(expectations: Expectations, happened: Happenings) -> None:
    ledger = replace(happened.ledger, mails=[*happened.ledger.mails, happened.ledger.mails[0]])

    found = wrong(expectations, replace(happened, ledger=ledger))

    assert {"findings mailed twice to one recipient", "each notification is one mail"} <= set(found)
    assert told_twice(ledger) == len(happened.ledger.notifications[0].targets)


def test_a_second_copy_of_a_mail_in_doubt_says_what_it_is_and_counts_as_none(
    expectations: Expectations, happened: Happenings
) -> None:
    doubted = msgspec.structs.replace(happened.ledger.notifications[0], attempts=[Attempt(result="in-doubt")])
    mails, copies = without_second_copies([*happened.ledger.mails, replace(happened.ledger.mails[0], is_second=True)])
    ledger = replace(
        happened.ledger, notifications=[doubted, *happened.ledger.notifications[1:]], mails=mails, copies=copies
    )

    assert len(copies) == 1
    assert wrong(expectations, replace(happened, ledger=ledger)) == []


def test_a_second_copy_of_a_mail_that_was_never_in_doubt_is_noticed(
    expectations: Expectations, happened: Happenings
) -> None:
    ledger = replace(happened.ledger, copies=happened.ledger.mails[:1])

    found = wrong(expectations, replace(happened, ledger=ledger))

    assert found == ["second copies of mails that were never in doubt"]


def test_a_mail_that_failed_is_excused_only_where_mails_are_made_to_fail(
    expectations: Expectations, happened: Happenings
) -> None:
    first = happened.ledger.notifications[0]
    failed = msgspec.structs.replace(first, state="failed", sent_at=None)
    records = {
        number: [
            msgspec.structs.replace(each, outcome="failed") if (number, each.record) in carried(first) else each
            for each in lines
        ]
        for number, lines in happened.ledger.records.items()
    }
    ledger = replace(
        happened.ledger,
        pushed=[replace(each, receipt=counted(each.receipt, records)) for each in happened.ledger.pushed],
        records=records,
        notifications=[failed, *happened.ledger.notifications[1:]],
        mails=happened.ledger.mails[1:],
    )
    unlucky = replace(happened, ledger=ledger, statistics_total=len(ledger.warnings))

    assert "every notification is sent" in wrong(expectations, unlucky)
    assert [check for check in compare(expectations, unlucky, may_fail=True) if not check.ok] == []


def carried(notification: Notification) -> set[tuple[UUID, int]]:
    return {(target.submission_id, target.record) for target in notification.targets}


def counted(receipt: Receipt, records: Mapping[UUID, Sequence[RecordLine]]) -> Receipt:
    outcomes = Counter(line.outcome for line in records[receipt.id] if line.outcome != REJECTED)
    return msgspec.structs.replace(receipt, outcomes=dict(outcomes))


def test_a_mail_after_the_second_push_is_noticed(expectations: Expectations, happened: Happenings) -> None:
    more = replace(happened, mails_before_again=happened.mails_before_again - 1)

    assert wrong(expectations, more) == ["a report pushed twice sends no mail"]


def test_a_hand_over_without_its_files_is_noticed(expectations: Expectations, happened: Happenings) -> None:
    mails = [replace(mail, attached=()) if mail.recipient == TEAM else mail for mail in happened.ledger.mails]

    poor = replace(happened, ledger=replace(happened.ledger, mails=mails))

    assert wrong(expectations, poor) == ["hand-overs with a table and reports for machines"]


def test_latency_is_from_the_push_to_the_mail(happened: Happenings) -> None:
    taken = latency(happened.ledger)

    assert taken is not None
    assert (taken.p50, taken.p99) == (4.0, 4.0)
    assert latency(happened.ledger, severities=frozenset({Severity.CRITICAL})) is None
