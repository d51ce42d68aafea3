"""Compares what happened with what was expected. Every line of it is in the report, whether it holds or not."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from deploy.demo.apis import Notification, Receipt, RecordLine
from deploy.demo.expectations import Expectations, FileExpectation
from deploy.demo.fates import REPEATED
from deploy.demo.follow import Ledger
from deploy.demo.mails import Mail
from deploy.demo.measures import is_reconciled, told_twice
from deploy.demo.records import Record
from deploy.demo.world import TEAM
from libs.common.vocabulary import Outcome

T = TypeVar("T")

EXAMPLES = 3


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation and what was got instead, both as a person can read them."""

    name: str
    expected: str
    got: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """What was seen on the way, and can't be seen at the end."""

    ledger: Ledger
    again: Receipt
    retried: Receipt
    mails_before_again: int
    mails_after_again: int
    approved: Sequence[str]
    refused: int
    genuine: int
    asked_whether_genuine: int
    feedback: int
    closed: int
    called_wrong: int
    statistics_total: int
    is_sound: bool


def compare(expectations: Expectations, happened: Happenings, *, may_fail: bool = False) -> list[Check]:
    """`may_fail`: mails are refused or lost on purpose, so that a record that was to be notified may have failed."""
    ledger = _forgiving(happened.ledger) if may_fail else happened.ledger
    return [
        *_of_files(expectations, ledger),
        *_of_repetition(expectations, happened),
        *_of_mails(expectations, ledger),
        *_of_people(expectations, happened),
        _check("mails that the relay refused for good", 0, 0 if may_fail else happened.refused),
        _check("second copies of mails that were never in doubt", 0, len(_groundless(happened.ledger))),
        _check("the sums reconcile over the partners' receipts", True, is_reconciled(happened.ledger)),
        _check("the books of all services agree", True, happened.is_sound),
    ]


def _forgiving(ledger: Ledger) -> Ledger:
    """The same with mails that failed counted as sent, and their records as notified, as they were to be."""
    failed = [notification for notification in ledger.notifications if notification.state == "failed"]
    arrived = {mail.reference for mail in ledger.mails}
    return replace(
        ledger,
        notifications=[
            msgspec.structs.replace(each, state="sent") if each in failed else each for each in ledger.notifications
        ],
        mails=[*ledger.mails, *(_imagined(each) for each in failed if each.reference not in arrived)],
        pushed=[replace(each, receipt=_forgiven_receipt(each.receipt)) for each in ledger.pushed],
        records={number: [_forgiven_line(line) for line in lines] for number, lines in ledger.records.items()},
    )


def _imagined(notification: Notification) -> Mail:
    recipient, reference = notification.recipient.email, notification.reference
    return Mail(path=Path(), recipient=recipient, reference=reference, subject="", text="")


def _forgiven_receipt(receipt: Receipt) -> Receipt:
    outcomes = Counter(receipt.outcomes)
    outcomes[Outcome.NOTIFIED] += outcomes.pop(Outcome.FAILED, 0)
    return msgspec.structs.replace(receipt, outcomes=dict(+outcomes))


def _forgiven_line(line: RecordLine) -> RecordLine:
    return msgspec.structs.replace(line, outcome=Outcome.NOTIFIED) if line.outcome == Outcome.FAILED else line


def _groundless(ledger: Ledger) -> list[str]:
    """References of mails that came more often than their doubts explain."""
    doubts = {notification.reference: notification.doubts for notification in ledger.notifications}
    copies = Counter(mail.reference for mail in ledger.copies)
    return [reference for reference, times in copies.items() if times > doubts.get(reference, 0)]


def _of_files(expectations: Expectations, ledger: Ledger) -> Iterator[Check]:
    for expected, pushed in zip(expectations.files, ledger.pushed, strict=False):
        yield from _of_file(expected, pushed.receipt, called=expected.file)
        strayed = _strayed(pushed.feed.records, ledger.records[pushed.receipt.id])
        yield _check(f"{expected.file}: records that ended elsewhere than made for", 0, strayed)


def _of_file(expected: FileExpectation, receipt: Receipt, *, called: str) -> Iterator[Check]:
    read = f"{expected.accepted} accepted, {expected.rejected} rejected"
    yield _check(f"{called}: read", read, f"{receipt.records.accepted} accepted, {receipt.records.rejected} rejected")
    yield _check(f"{called}: outcomes", _counts(expected.outcomes), _counts(receipt.outcomes))


def _strayed(made: Sequence[Record], ended: Sequence[RecordLine]) -> int:
    """Records with another outcome than theirs.

    Left out are those that say the same in one file: which of them is the news and which the repetition, the order in
    the file decides.
    """
    said = Counter(_finding_of(record) for record in made if record.fate.is_threat or record.fate == REPEATED)
    return sum(
        line.outcome != record.fate.outcome
        for record, line in zip(made, ended, strict=True)
        if said[_finding_of(record)] <= 1
    )


def _finding_of(record: Record) -> tuple[str, str | None]:
    """What a record says of which asset; of an unreadable one its text."""
    if record.sighting is None:
        return record.line, None
    return record.sighting.address, record.sighting.finding.incident


def _of_repetition(expectations: Expectations, happened: Happenings) -> Iterator[Check]:
    first = happened.ledger.pushed[[file.file for file in expectations.files].index(expectations.again.file)].receipt
    yield _check("a retried push gets the first receipt", str(first.id), str(happened.retried.id))
    yield from _of_file(expectations.again, happened.again, called=f"{expectations.again.file}, a second time")
    yield _check("a report pushed twice sends no mail", happened.mails_before_again, happened.mails_after_again)


def _of_mails(expectations: Expectations, ledger: Ledger) -> Iterator[Check]:
    recipients = {mail.recipient for mail in ledger.mails}
    yield _same("recipients", expectations.recipients, recipients)
    never = set(expectations.never_written_to) & recipients
    yield _check("nobody is written to who must not be", "nobody", ", ".join(sorted(never)) or "nobody")
    told = _told(ledger)
    expected = {(mail.recipient, mail.incident): set(mail.assets) for mail in expectations.mails}
    yield _same("recipients and what they are told of", set(expected), set(told))
    yield _same("assets that mails name", _triples(expected), _triples(told))
    yield _check("findings mailed twice to one recipient", 0, told_twice(ledger))
    unsent = sorted({notification.state for notification in ledger.notifications} - {"sent"})
    yield _check("every notification is sent", "sent", ", ".join(["sent", *unsent]))
    references = {notification.reference for notification in ledger.notifications}
    yield _same("mails by reference", references, {mail.reference for mail in ledger.mails})
    to_team = [mail for mail in ledger.mails if mail.recipient == TEAM and mail.text]
    complete = sum(mail.has_files_for_machines for mail in to_team)
    yield _check("hand-overs with a table and reports for machines", len(to_team), complete)
    yield _check("each notification is one mail", len(ledger.notifications), len(ledger.mails))


def _of_people(expectations: Expectations, happened: Happenings) -> Iterator[Check]:
    yield _same("mails that waited for a person", set(expectations.approval), set(happened.approved))
    yield _check("mails that /verify calls genuine", happened.asked_whether_genuine, happened.genuine)
    yield _check("a recipient calls findings wrong", True, happened.called_wrong > 0)
    yield _check("threats that this closes", happened.called_wrong, happened.closed)
    yield _check("answers that came back", 2, happened.feedback)
    yield _check("the public counter", len(happened.ledger.warnings), happened.statistics_total)


def _told(ledger: Ledger) -> Mapping[tuple[str, str], set[str]]:
    """Assets by recipient and incident, of the notifications that are in the Maildir."""
    arrived = {(mail.recipient, mail.reference) for mail in ledger.mails}
    told: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for notification in ledger.notifications:
        if (notification.recipient.email, notification.reference) in arrived:
            told[notification.recipient.email, notification.incident] |= {t.asset for t in notification.targets}
    return told


def _triples(told: Mapping[tuple[str, str], set[str]]) -> set[tuple[str, str, str]]:
    return {(*pair, asset) for pair, assets in told.items() for asset in assets}


def _same(name: str, expected: set[T], got: set[T]) -> Check:
    """Two sets; of what is missing or too many a few examples."""
    wrong = (("missing", expected - got), ("too many", got - expected))
    said = [f"{len(found)} {what}: {_some(found)}" for what, found in wrong if found]
    return Check(name=name, expected=f"{len(expected)}", got="; ".join([f"{len(got)}", *said]), ok=expected == got)


def _some(found: set[T]) -> str:
    examples = [" ".join(each) if isinstance(each, tuple) else str(each) for each in found]
    return ", ".join(sorted(examples)[:EXAMPLES]) + (", …" if len(found) > EXAMPLES else "")


def _check(name: str, expected: object, got: object) -> Check:
    return Check(name=name, expected=_words(expected), got=_words(got), ok=expected == got)


def _words(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _counts(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()) if number)
