"""Two replicas of feedback do the same at the same moment: it counts once."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from libs.common.contracts import Event, FeedbackReceived, MailReturned
from libs.common.db import Database
from libs.common.ids import derived_id
from libs.common.outbox import waiting_events
from libs.common.verp import return_address
from libs.common.vocabulary import RecipientKind
from services.feedback import handlers
from services.feedback.api.letterbox import Letterbox, MaildirReader
from services.feedback.domain.incoming.recognised import House
from tests.integration.feedback.conftest import LINK_KEY, NOW, Running
from tests.integration.feedback.mails import mail
from tests.unit.feedback.test_mails_that_come_back import MAILS

HOUSE = House(key=LINK_KEY.encode(), domain="tocsin.example")
SENT = mail()
CONTINUED = msgspec.structs.replace(
    SENT, notification_id=derived_id("test-mail", "next contact"), recipient_kind=RecipientKind.NETWORK_OWNER
)
"""The same news to the next contact: another notification under the same reference."""

RETURN = return_address(SENT.notification_id, domain="bounce.tocsin.example", key=HOUSE.key)
DESK = f"desk+{SENT.reference}@tocsin.example"
BOUNCE = (MAILS / "dsn-postfix-user-unknown.eml").read_bytes()
REPLY = b"From: Jan <jan@bakery.example>\r\nSubject: Re: warning\r\n\r\nIs this mail real?\r\n"


async def until_it_waits(running: Running, task: asyncio.Task[object]) -> None:
    """Until the other replica waits for this one, or has not had to."""
    async with asyncio.timeout(30):
        while not task.done() and not await running.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)


async def said(running: Running) -> list[Event]:
    async with running.database.transaction() as tx:
        return list(await waiting_events(tx))


async def test_two_mails_under_one_reference_count_once(running: Running, other: Database) -> None:
    async def note_the_second() -> None:
        async with other.transaction() as tx:
            await handlers.note_notifications([CONTINUED], tx=tx, now=NOW)

    async with running.database.transaction() as tx:
        await handlers.note_notifications([SENT], tx=tx, now=NOW)
        second = asyncio.create_task(note_the_second())
        await until_it_waits(running, second)
    await second

    assert await running.rows("SELECT recipient_kind, notifications FROM tallies") == [
        {"recipient_kind": "organisation", "notifications": 1}
    ]
    assert len(await running.rows("SELECT FROM notifications")) == 2


async def test_whoever_counts_after_one_that_failed_counts_it(running: Running, other: Database) -> None:
    async def note_the_second() -> None:
        async with other.transaction() as tx:
            await handlers.note_notifications([CONTINUED], tx=tx, now=NOW)

    with pytest.raises(RuntimeError, match="the first dies"):
        async with running.database.transaction() as tx:
            await handlers.note_notifications([SENT], tx=tx, now=NOW)
            second = asyncio.create_task(note_the_second())
            await until_it_waits(running, second)
            raise RuntimeError("the first dies")
    await second
    await running.hear(SENT)

    assert await running.rows("SELECT recipient_kind, notifications FROM tallies") == [
        {"recipient_kind": "network-owner", "notifications": 1}
    ]


async def test_two_mails_under_one_reference_count_once_in_one_batch(running: Running) -> None:
    await running.hear(SENT, CONTINUED)

    assert [row["notifications"] for row in await running.rows("SELECT notifications FROM tallies")] == [1]


async def test_what_an_older_replica_has_counted_is_not_counted_again(running: Running) -> None:
    await running.hear(SENT)
    async with running.database.transaction() as tx:
        await tx.fetch("DELETE FROM counted_references")  # which it knows nothing of

    await running.hear(CONTINUED)

    assert [row["notifications"] for row in await running.rows("SELECT notifications FROM tallies")] == [1]


@pytest.mark.parametrize(
    ("content", "to", "told"),
    [(BOUNCE, RETURN, MailReturned), (REPLY, DESK, FeedbackReceived)],
    ids=["bounce", "reply"],
)
async def test_a_mail_that_two_are_brought_is_kept_told_and_counted_once(
    running: Running, other: Database, content: bytes, to: str, told: type[Event]
) -> None:
    await running.hear(SENT)
    counted_before = mails_counted()
    second_box = Letterbox(other, house=HOUSE, desk_address="desk@tocsin.example")

    async with running.database.transaction() as tx:
        await handlers.take_mail(tx, content, size_bytes=len(content), to=to, house=HOUSE, now=NOW)
        second = asyncio.create_task(second_box.take(content, size_bytes=len(content), to=to))
        await until_it_waits(running, second)
        assert not second.done(), "it waits for the key that the first has taken"
    await second

    assert [type(event) for event in await said(running)] == [told]
    assert len(await running.rows("SELECT FROM incoming")) == 1
    assert mails_counted() == counted_before + 1


def mails_counted() -> float:
    samples = (sample for family in REGISTRY.collect() for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == "tocsin_mails_returned_total")


class Meeting(Letterbox):
    """Of a replica that has read a mail when the other one has too."""

    met: asyncio.Barrier

    async def take(self, content: bytes, *, size_bytes: int, to: str) -> None:
        await self.met.wait()
        await super().take(content, size_bytes=size_bytes, to=to)


async def test_two_that_read_one_maildir_take_each_mail_once(running: Running, other: Database, tmp_path: Path) -> None:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        laid = b"Delivered-To: " + RETURN.encode() + f"\r\nX-Number: {number}\r\n".encode() + BOUNCE
        (tmp_path / "new" / f"{number}.a.host").write_bytes(laid)
    boxes = [
        Meeting(database, house=HOUSE, desk_address="desk@tocsin.example") for database in (running.database, other)
    ]
    boxes[0].met = boxes[1].met = asyncio.Barrier(2)

    assert await asyncio.gather(*(MaildirReader(box, tmp_path).look() for box in boxes)) == [3, 3]

    assert len(await said(running)) == 3
    assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == [f"{n}.a.host:2,S" for n in range(3)]


async def test_a_maildir_that_mails_can_not_be_moved_in_is_said(running: Running, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1.a.host").write_bytes(BOUNCE)
    letterbox = Letterbox(running.database, house=HOUSE, desk_address="desk@tocsin.example")

    with pytest.raises(FileNotFoundError, match="cur"):
        await MaildirReader(letterbox, tmp_path).look()
