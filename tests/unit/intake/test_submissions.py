"""What becomes of a push: its rows, its events, its sums, and whether it is the same as another."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from libs.common.contracts import Asset, Indicator
from libs.common.vocabulary import Reliability
from services.intake.domain.csv_reading import CsvReading
from services.intake.domain.records import ParsedRecord, PayloadError, Record, RecordError, RejectedRecord
from services.intake.domain.slices import next_slice
from services.intake.domain.submissions import (
    MAX_SHOWN,
    Receipt,
    Submission,
    Tally,
    events,
    indicator_id,
    rows,
    unreadable,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = CsvReading((("tijd", "seen_at"),), identifier="open-smb")
SUBMISSION = Submission(
    id=UUID(int=7),
    partner_id=UUID(int=1),
    partner="demo",
    reliability=Reliability.B,
    format="shadowserver-csv",
    report_type="scan_smb",
    file_name=None,
    content_type="text/csv",
    content_encoding=None,
    size_bytes=100,
    sha256=b"x" * 32,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    received_at=NOON,
)


def accepted(record: int, *, warnings: int = 0) -> ParsedRecord:
    indicator = Indicator(
        seen_at=NOON, category="vulnerable/vulnerable-system", identifier="open-smb", asset=Asset(ip="192.0.2.1")
    )
    found = tuple(RecordError(record, "port", "value-discarded", "dropped") for _ in range(warnings))
    return ParsedRecord(record, record + 1, indicator, found)


def rejected(record: int, *codes: str) -> RejectedRecord:
    return RejectedRecord(
        record, record + 1, tuple(RecordError(record, "ip", code, f"{code}!", record + 1) for code in codes)
    )


def test_an_accepted_record_is_kept_as_pending_and_without_its_indicator() -> None:
    (row,) = rows([accepted(1)], at=NOON)

    assert (row.record, row.outcome, row.reason, row.at, row.errors) == (1, "pending", None, NOON, ())


def test_a_rejected_record_is_kept_with_all_that_is_wrong_with_it() -> None:
    (row,) = rows([rejected(2, "invalid-ip", "missing-timestamp")], at=NOON)

    assert (row.outcome, row.reason, row.message) == ("rejected", "invalid-ip", "invalid-ip!; missing-timestamp!")
    assert [error.code for error in row.errors] == ["invalid-ip", "missing-timestamp"]


def test_only_accepted_records_become_events_and_all_are_in_the_trace_of_the_post() -> None:
    made = events(SUBMISSION, [accepted(1), rejected(2, "invalid-ip"), accepted(3)])

    assert [event.record for event in made] == [1, 3]
    assert {event.traceparent for event in made} == {SUBMISSION.traceparent}


def test_a_second_reading_gives_the_same_events() -> None:
    assert events(SUBMISSION, [accepted(1)]) == events(SUBMISSION, [accepted(1)])
    assert indicator_id(SUBMISSION.id, 1) != indicator_id(SUBMISSION.id, 2)


def test_the_tally_counts_everything_and_keeps_the_first_hundred_errors() -> None:
    tally = Tally()
    tally.add([accepted(1, warnings=2)])
    tally.add([rejected(record, "invalid-ip") for record in range(2, 200)])

    assert (tally.accepted, tally.rejected) == (1, 198)
    assert len(tally.errors) == MAX_SHOWN
    assert [error.record for error in tally.errors[:2]] == [2, 3]
    assert len(tally.warnings) == 2


def test_outcomes_sum_to_what_was_accepted_and_leave_the_rejected_out() -> None:
    receipt = Receipt(submission=SUBMISSION, counts={"pending": 0, "notified": 2, "duplicate": 1, "rejected": 4})

    assert receipt.outcomes == {"notified": 2, "duplicate": 1}
    assert (receipt.accepted, receipt.rejected) == (3, 4)


def test_a_payload_without_one_readable_record_is_refused() -> None:
    nothing, all_bad, one_good = Tally(), Tally(), Tally()
    all_bad.add([rejected(1, "invalid-ip")])
    one_good.add([rejected(1, "invalid-ip"), accepted(2)])

    codes = [error and error.code for error in map(unreadable, (nothing, all_bad, one_good))]
    assert codes == ["empty-payload", "all-records-rejected", None]


def test_the_same_bytes_as_another_report_type_are_another_push() -> None:
    other = replace(SUBMISSION, report_type="scan_smtp_vulnerable")

    assert SUBMISSION.fingerprint == replace(SUBMISSION, id=UUID(int=8)).fingerprint
    assert SUBMISSION.fingerprint != other.fingerprint


def test_the_same_table_with_other_columns_is_another_push_and_one_of_which_nothing_is_said_is_as_ever() -> None:
    mapped = replace(SUBMISSION, csv_said=CsvReading((("tijd", "seen_at"),)))

    assert len({SUBMISSION.fingerprint, mapped.fingerprint, replace(mapped, csv_said=SAID).fingerprint}) == 3
    assert replace(SUBMISSION, csv_reading=SAID).fingerprint == SUBMISSION.fingerprint, "what is agreed may change"
    reading = f"{SUBMISSION.format}\x1f{SUBMISSION.report_type}\x1f{SUBMISSION.content_encoding or ''}"
    assert SUBMISSION.fingerprint == hashlib.sha256(reading.encode() + SUBMISSION.sha256).digest(), "claims are kept"


def broken_after(count: int) -> Iterator[Record]:
    yield from (accepted(record) for record in range(1, count + 1))
    raise PayloadError(400, "truncated-compression", "the gzip stream ends before its end")


def test_what_was_read_before_a_refusal_is_in_the_slice_that_carries_it() -> None:
    records = broken_after(5)

    first, last = next_slice(records, 3), next_slice(records, 3)

    assert (len(first.records), first.is_last) == (3, False)
    assert [record.record for record in last.records] == [4, 5]
    assert last.refusal is not None
    assert last.is_last


def test_a_payload_that_ends_with_a_full_slice_has_an_empty_last_one() -> None:
    records = iter([accepted(1), accepted(2)])

    first, last = next_slice(records, 2), next_slice(records, 2)

    assert (len(first.records), first.is_last) == (2, False)
    assert (last.records, last.is_last, last.refusal) == ((), True, None)


def test_each_record_of_a_test_says_who_gets_its_mails() -> None:
    tried = replace(SUBMISSION, test_mails_to="silent@simulator.invalid")
    assert [event.test_mails_to for event in events(tried, [accepted(1), accepted(2)])] == [
        "silent@simulator.invalid"
    ] * 2
    assert [event.is_test for event in events(SUBMISSION, [accepted(1)])] == [False]
