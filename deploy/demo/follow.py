"""Follows what was pushed: until every record has its outcome, and to everything that came of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from deploy.demo.apis import Api, Apis, Notification, Receipt, RecordLine, Summary
from deploy.demo.mails import Mail, read_maildir, without_second_copies
from deploy.demo.operators import approve_what_waits
from deploy.demo.patience import look_until
from deploy.demo.progress import OutcomeBoard
from deploy.demo.push import Pushed
from libs.common.vocabulary import RecipientKind

PATIENCE_SECONDS = 120
SECONDS_FOR_A_THOUSAND = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All that there is to know at the end. `pushed` has the receipts as they are then; `records` by submission.

    `mails` has each mail once, `copies` those that came once more and say so.
    """

    pushed: Sequence[Pushed]
    records: dict[UUID, list[RecordLine]]
    notifications: list[Notification]
    mails: list[Mail]
    copies: Sequence[Mail] = ()

    @property
    def sent(self) -> list[Notification]:
        return [notification for notification in self.notifications if notification.sent_at is not None]

    @property
    def warnings(self) -> list[Notification]:
        """What is handed over to a team warns nobody."""
        return [
            notification for notification in self.sent if notification.recipient.kind != RecipientKind.NATIONAL_CERT
        ]

    @property
    def sent_mails(self) -> list[Mail]:
        """Those that everybody knows to have left."""
        references = {notification.reference for notification in self.sent}
        return [mail for mail in self.mails if mail.reference in references]

    def receipt_of(self, pushed: Pushed) -> Receipt:
        return next(each.receipt for each in self.pushed if each.receipt.id == pushed.receipt.id)

    def record(self, pushed: Pushed, number: int) -> RecordLine:
        return next(line for line in self.records[pushed.receipt.id] if line.record == number)


async def until_settled(apis: Apis, board: OutcomeBoard, *, records: int) -> list[Summary]:
    """Wait until no record is pending, and say yes to the mails that wait for a person; these are returned.

    Gives up after a time that grows with the records: what is pending then, the comparison shows.
    """
    approved: dict[UUID, Summary] = {}

    async def look() -> list[Receipt]:
        receipts = await apis.intake.every("/v1/submissions", Receipt)
        board.show(outcomes_of(receipts))
        approved.update({each.id: each for each in await approve_what_waits(apis.notifier)})
        return receipts

    patience_seconds = PATIENCE_SECONDS + records / 1000 * SECONDS_FOR_A_THOUSAND
    await look_until(look, _are_settled, within_seconds=patience_seconds)
    return list(approved.values())


def _are_settled(receipts: Sequence[Receipt]) -> bool:
    return not any(receipt.pending or receipt.status == "processing" for receipt in receipts)


def outcomes_of(receipts: Sequence[Receipt]) -> Counter[str]:
    """The outcomes of all, the unreadable records among them as `rejected`."""
    counted: Counter[str] = Counter()
    for receipt in receipts:
        counted.update(receipt.outcomes)
        counted["rejected"] += receipt.records.rejected
    return counted


async def gather(apis: Apis, pushed: Sequence[Pushed], *, mail_dir: Path) -> Ledger:
    """Ask every service for what it knows, and read the Maildir."""
    receipts = [await apis.intake.get(f"/v1/submissions/{each.receipt.id}", Receipt) for each in pushed]
    mails, copies = without_second_copies(await asyncio.to_thread(read_maildir, mail_dir))
    paths = {receipt.id: f"/v1/submissions/{receipt.id}/records" for receipt in receipts}
    return Ledger(
        pushed=[Pushed(feed=each.feed, receipt=receipt) for each, receipt in zip(pushed, receipts, strict=True)],
        records={number: await apis.intake.every(path, RecordLine) for number, path in paths.items()},
        notifications=await _notifications(apis.notifier),
        mails=mails,
        copies=copies,
    )


async def _notifications(notifier: Api) -> list[Notification]:
    summaries = await notifier.every("/v1/notifications", Summary)
    return [await notifier.get(f"/v1/notifications/{summary.id}", Notification) for summary in summaries]
