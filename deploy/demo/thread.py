"""One record, followed from the partner's line to the recipient's answer, over the APIs."""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.demo.apis import Apis, Notification, RecordLine, Target, Verdict
from deploy.demo.follow import Ledger
from deploy.demo.mails import Mail, mail_to
from deploy.demo.push import Pushed, feed_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What each service knows of the record."""

    pushed: Pushed
    number: int
    line: str
    record: RecordLine
    verdict: Verdict
    target: Target
    notification: Notification
    mail: Mail


async def follow_one(ledger: Ledger, apis: Apis, *, report_type: str, recipient: str) -> Thread | None:
    """The first record of this report that was mailed to this recipient; None when there is none."""
    pushed = feed_of(ledger.pushed, report_type=report_type)
    for notification, target in _targets(ledger, recipient=recipient):
        mail = mail_to(ledger.mails, recipient=recipient, reference=notification.reference)
        if target.submission_id == pushed.receipt.id and mail is not None:
            record = ledger.record(pushed, target.record)
            return Thread(
                pushed=pushed,
                number=target.record,
                line=pushed.feed.records[target.record - 1].line,
                record=record,
                verdict=await apis.verifier.get(f"/v1/indicators/{record.indicator_id}", Verdict),
                target=target,
                notification=notification,
                mail=mail,
            )
    return None


def _targets(ledger: Ledger, *, recipient: str) -> Iterator[tuple[Notification, Target]]:
    for notification in ledger.notifications:
        if notification.recipient.email == recipient:
            yield from ((notification, target) for target in notification.targets)
