"""The play: partners push, operators say yes, recipients answer; and what was seen of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
from rich.console import Console

from deploy.demo.answers import call_wrong, rate, threats_in_state
from deploy.demo.apis import Apis, Notification, Summary, Verification
from deploy.demo.comparison import Happenings
from deploy.demo.feeds import PUSHED_TWICE, Feed
from deploy.demo.follow import gather, until_settled
from deploy.demo.mails import Mail, count_mails, mail_to, read_maildir, so_many_mails
from deploy.demo.operators import send_refused_again
from deploy.demo.organisations import ORGANISATIONS
from deploy.demo.patience import look_until
from deploy.demo.progress import outcome_board
from deploy.demo.push import Partners, Pushed
from deploy.demo.stage import WINDOW_SECONDS
from deploy.local.books import Books

ASKED_WHETHER_GENUINE = 5
FILED_SECONDS = 30

RATER = ORGANISATIONS[0].contact
RATED_INCIDENT = "open-rdp"
DOUBTER = ORGANISATIONS[3].contact
DOUBTED_INCIDENT = "open-telnet"
"""Who rates a mail about what, and who says that it is wrong."""


class _Statistics(msgspec.Struct, frozen=True):
    notifications_total: int


class _Feedback(msgspec.Struct, frozen=True):
    feedback_id: UUID
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who takes part, and where the mails arrive.

    `calm_down` ends the trouble that there may be until then; `reconcile` compares the books of all services.
    """

    apis: Apis
    partners: Partners
    mail_dir: Path
    console: Console
    calm_down: Callable[[], Awaitable[None]]
    reconcile: Callable[[], Books]


async def play(feeds: Sequence[Feed], cast: Cast) -> Happenings:
    """All acts in order. Whatever doesn't happen shows in what is returned."""
    records = sum(len(feed.records) for feed in feeds)
    pushed = await _push_all(feeds, cast)
    approved = await _until_settled(cast, records=records)
    before = await asyncio.to_thread(count_mails, cast.mail_dir)
    again, retried = await _push_again(feeds[PUSHED_TWICE], cast)
    approved += await _until_settled(cast, records=len(again.feed.records))
    # A mail that should not be would leave when the longest window is over.
    await asyncio.sleep(max(WINDOW_SECONDS.values()) + 1)
    after = await asyncio.to_thread(count_mails, cast.mail_dir)
    await cast.calm_down()
    refused = await _send_refused_again(cast)
    mails = await asyncio.to_thread(read_maildir, cast.mail_dir)
    await _rate(mails, cast)
    called_wrong, closed = await _call_wrong(mails, cast)
    ledger = await gather(cast.apis, [*pushed, again], mail_dir=cast.mail_dir)
    asked = ledger.sent_mails[:ASKED_WHETHER_GENUINE]
    return Happenings(
        ledger=ledger,
        again=ledger.receipt_of(again),
        retried=retried.receipt,
        mails_before_again=before,
        mails_after_again=after,
        approved=[notification.recipient.email for notification in approved],
        refused=len(refused),
        asked_whether_genuine=len(asked),
        genuine=await _genuine(asked, cast.apis),
        called_wrong=called_wrong,
        closed=closed,
        feedback=await _feedback(cast.apis),
        statistics_total=await _counted(cast.apis, mails=len(ledger.warnings)),
        is_sound=(await asyncio.to_thread(cast.reconcile)).agree,
    )


async def _push_all(feeds: Sequence[Feed], cast: Cast) -> list[Pushed]:
    pushed = []
    for feed in feeds:
        pushed.append(await cast.partners.push(feed))
        counts = pushed[-1].receipt.records
        cast.console.print(
            f"  {feed.push.partner} pushed {feed.report_type}: "
            f"{counts.accepted:,} records accepted, {counts.rejected} unreadable"
        )
    return pushed


async def _until_settled(cast: Cast, *, records: int) -> list[Summary]:
    with outcome_board(cast.console) as board:
        approved = await until_settled(cast.apis, board, records=records)
    if approved:
        names = ", ".join(sorted({notification.recipient.name for notification in approved}))
        cast.console.print(
            f"  {so_many_mails(len(approved)).capitalize()} to {names} waited for a person; the operator said yes."
        )
    return approved


async def _send_refused_again(cast: Cast) -> list[Summary]:
    refused = await send_refused_again(cast.apis.notifier)
    if refused:
        cast.console.print(
            f"  The relay refused {so_many_mails(len(refused))} for good; the operator had them sent once more."
        )
    return refused


async def _push_again(feed: Feed, cast: Cast) -> tuple[Pushed, Pushed]:
    """First as a retry, which is answered with the first receipt; then as a submission of its own."""
    retried = await cast.partners.push(feed)
    again = await cast.partners.push(feed, idempotency_key=str(uuid4()))
    cast.console.print(f"  {feed.push.partner} pushed {feed.report_type} a second time; no mail may follow.")
    return again, retried


async def _rate(mails: Sequence[Mail], cast: Cast) -> None:
    """One recipient rates a mail."""
    letter = await _letter_to(mails, RATER, RATED_INCIDENT, cast.apis)
    if letter is not None:
        await rate(letter.mail, useful=5, clear=4, text="Duidelijk, dank u wel.")
        cast.console.print(f"  {letter.notification.recipient.name} rated a mail, anonymously.")


async def _call_wrong(mails: Sequence[Mail], cast: Cast) -> tuple[int, int]:
    """Another one calls a mail's findings wrong: how many these are, and how many of them are closed then."""
    letter = await _letter_to(mails, DOUBTER, DOUBTED_INCIDENT, cast.apis)
    if letter is None:
        return 0, 0
    await call_wrong(letter.mail, text="Dit is een proefopstelling zonder internet erachter.")
    threats = {target.threat_id for target in letter.notification.targets}
    closed = await threats_in_state(threats, "closed", verifier=cast.apis.verifier)
    name = letter.notification.recipient.name
    cast.console.print(f"  {name} called a mail wrong; the verifier has closed {len(closed)} threats.")
    return len(threats), len(closed)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A mail with the notification that it is."""

    notification: Notification
    mail: Mail


async def _letter_to(mails: Sequence[Mail], recipient: str, incident: str, apis: Apis) -> _Letter | None:
    """The first to this recipient about this incident, if there is one."""
    found = await apis.notifier.every("/v1/notifications", Summary, recipient=recipient, incident=incident)
    for summary in reversed(found):
        notification = await apis.notifier.get(f"/v1/notifications/{summary.id}", Notification)
        mail = mail_to(mails, recipient=recipient, reference=notification.reference)
        if mail is not None:
            return _Letter(notification, mail)
    return None


async def _genuine(mails: Sequence[Mail], apis: Apis) -> int:
    """How many of these mails the public page calls ours, subject and all."""
    answers = [await _verification(mail, apis) for mail in mails]
    return sum(answer.genuine and answer.subject == mail.subject for mail, answer in zip(mails, answers, strict=True))


async def _verification(mail: Mail, apis: Apis) -> Verification:
    headers = {"Accept": "application/json"}
    answer = await apis.feedback.ask("GET", f"/verify/{mail.reference}", headers=headers)
    return msgspec.json.decode(answer.content, type=Verification)


async def _feedback(apis: Apis) -> int:
    return len(await apis.feedback.every("/v1/feedback", _Feedback))


async def _counted(apis: Apis, *, mails: int) -> int:
    """The public counter, once it has caught up; as it is when that takes too long."""

    async def look() -> int:
        return (await apis.feedback.get("/v1/statistics", _Statistics)).notifications_total

    return await look_until(look, lambda total: total == mails, within_seconds=FILED_SECONDS)
