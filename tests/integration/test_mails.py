"""The door for a mail server, on a real database, broker and disk: a mail is ours once that was said, and only once."""

import asyncio
import os
import smtplib
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from deploy.local.background import BackgroundStack
from deploy.local.ports import free_port_base
from libs.common import faults
from libs.common.contracts import RawIndicator
from libs.common.contracts.wire import decode
from libs.common.ids import new_id
from libs.common.lmtp import LmtpServer
from libs.common.security import api_key_hash, new_api_key
from libs.common.shutdown import Shutdown
from libs.common.vocabulary import Reliability
from services.intake.api.letterbox import Letterbox
from services.intake.app import doors_of, means_of
from services.intake.domain.formats import FORMATS
from services.intake.domain.mime import MAX_MAIL_BYTES
from services.intake.domain.partners import KeyKind, Partner, PartnerKey
from services.intake.domain.submissions import Receipt, Status
from services.intake.handlers import partners
from services.intake.handlers.means import Means
from services.intake.handlers.receipts import EVERYBODY, NEWEST, receipts_before
from services.intake.settings import IntakeSettings
from services.intake.store.partners import add_key
from tests.conftest import Kafka
from tests.databases import make_tables

DOMAIN = "feeds.example.org"
BODY = FORMATS["mail"].example.replace("\n", "\r\n").encode()
MAIL = b"Message-ID: <1@example.org>\r\n" + BODY
EXPIRES_AT = datetime(2100, 1, 1, tzinfo=UTC)
BACKLOG_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Door:
    """The door, and who may come through it."""

    means: Means
    port: int

    async def partner(self, slug: str = "acme") -> tuple[Partner, str]:
        """A new partner with an address."""
        now = datetime.now(UTC)
        async with self.means.database.transaction() as tx:
            partner = Partner(
                id=new_id(),
                slug=slug,
                name=slug,
                reliability=Reliability.B,
                contact_email="a@acme.example",
                enabled=True,
                created_at=now,
            )
            await partners.add_partner(tx, partner)
            key = await partners.add_key(tx, partner.id, kind=KeyKind.MAIL, expires_at=EXPIRES_AT, now=now)
        assert key is not None
        return partner, f"{key.secret}@{DOMAIN}"

    async def bring(self, mail: bytes, *recipients: str) -> list[str]:
        """What each recipient got as an answer, the ones at RCPT first."""
        return await asyncio.to_thread(bring, self.port, mail, *recipients)

    async def receipts(self) -> list[Receipt]:
        async with self.means.database.transaction() as tx:
            return await receipts_before(tx, NEWEST, viewer=EVERYBODY, status=None, limit=100)


class _Lmtp(smtplib.LMTP):
    def answer(self) -> str:
        code, text = self.getreply()
        return f"{code} {text.decode()}"


def bring(port: int, mail: bytes, *recipients: str) -> list[str]:
    """What a mail server does with a mail, and no more; a recipient that is refused gets none."""
    with _Lmtp("127.0.0.1", port) as server:
        server.ehlo_or_helo_if_needed()
        server.mail("spoofed@other.example")
        asked = [(code, text.decode()) for code, text in map(server.rcpt, recipients)]
        refused = [f"{code} {text}" for code, text in asked if code != 250]
        taken = len(asked) - len(refused)
        if not taken:
            return refused
        server.docmd("DATA")
        server.send(smtplib._quote_periods(mail) + b".\r\n")  # type: ignore[attr-defined]  # as `SMTP.data` does
        return [*refused, *(server.answer() for _ in range(taken))]


def settings_of(database_url: str, kafka: Kafka, operator_public_key: str, folder: Path) -> IntakeSettings:
    return IntakeSettings(
        http_port=1,
        database_url=database_url,
        kafka_bootstrap=kafka.bootstrap,
        operator_public_key=operator_public_key,
        payload_dir=folder,
        partner_cache_seconds=0,
        backlog_limit_records=BACKLOG_LIMIT,
    )


@pytest.fixture
async def door(kafka: Kafka, database_url: str, operator_public_key: str, tmp_path: Path) -> AsyncIterator[Door]:
    await asyncio.to_thread(make_tables, "intake", database_url)
    settings = settings_of(database_url, kafka, operator_public_key, tmp_path)
    means = means_of(settings)
    async with serving(means, settings) as port:
        yield Door(means, port)
    await means.publisher.close()
    await means.database.close()


@asynccontextmanager
async def serving(means: Means, settings: IntakeSettings) -> AsyncIterator[int]:
    port, shutdown = free_port_base(), Shutdown()
    box = Letterbox(means, doors_of(settings, means.database))
    running = asyncio.create_task(
        LmtpServer(box, host="127.0.0.1", port=port, max_mail_bytes=MAX_MAIL_BYTES).run(shutdown)
    )
    await listening(port)
    try:
        yield port
    finally:
        shutdown.request()
        await running


async def listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


@pytest.fixture(autouse=True)
def no_faults_left() -> Iterator[None]:
    yield
    faults.arm("", seed=0)


async def test_a_mail_is_a_submission_of_the_partner_whose_address_it_came_for(door: Door, kafka: Kafka) -> None:
    partner, address = await door.partner()

    (answer,) = await door.bring(MAIL, address)

    (receipt,) = await door.receipts()
    submission = receipt.submission
    assert answer == f"250 2.0.0 Taken as submission {submission.id}"
    assert (submission.partner_id, submission.format, submission.status) == (partner.id, "mail", Status.DONE)
    assert door.means.payloads.path(submission.id).read_bytes() == MAIL
    (message,) = await kafka.read("raw-indicator", wanted=1)
    event = decode(message.value)
    assert isinstance(event, RawIndicator)
    assert (event.submission_id, event.indicator.asset.ip) == (submission.id, "192.0.2.44")


async def test_a_mail_that_is_brought_again_is_the_same_submission(door: Door) -> None:
    _, address = await door.partner()

    first = await door.bring(MAIL, address)
    again = await door.bring(MAIL, address.upper())
    other_way = await door.bring(b"Received: by mx2.example.org\r\n" + MAIL, address)

    assert again == first
    assert other_way == ["250 2.0.0 Taken before"]
    assert len(await door.receipts()) == 1


async def test_a_mail_that_is_brought_twice_at_once_is_one_submission(door: Door) -> None:
    _, address = await door.partner()

    answers = await asyncio.gather(*(door.bring(MAIL, address) for _ in range(4)))

    assert {answer[:3] for (answer,) in answers} == {"250"}
    assert len({answer for (answer,) in answers}) == 1
    assert len(await door.receipts()) == 1


async def test_another_mail_with_the_same_message_id_is_another_submission(door: Door) -> None:
    """A program that numbers its mails badly must not lose one."""
    _, address = await door.partner()

    answers = [await door.bring(MAIL.replace(b".44", b".%d" % number), address) for number in (44, 45)]

    assert [answer[:3] for (answer,) in answers] == ["250", "250"]
    assert len(await door.receipts()) == 2


async def test_a_mail_for_two_partners_is_one_of_each(door: Door) -> None:
    addresses = [(await door.partner(slug))[1] for slug in ("one", "two")]

    answers = await door.bring(MAIL, *addresses)

    assert [answer[:3] for answer in answers] == ["250", "250"]
    assert {receipt.submission.partner for receipt in await door.receipts()} == {"one", "two"}


async def test_only_an_address_of_a_partner_is_let_in(door: Door) -> None:
    partner, address = await door.partner()
    switched_off, its_address = await door.partner("off")
    api_key = new_api_key()
    async with door.means.database.transaction() as tx:
        await partners.change_partner(tx, switched_off.id, {"enabled": False})
        old = await partners.add_key(
            tx, partner.id, kind=KeyKind.MAIL, expires_at=datetime(2020, 1, 1, tzinfo=UTC), now=datetime.now(UTC)
        )
        withdrawn = await partners.add_key(tx, partner.id, kind=KeyKind.MAIL, expires_at=None, now=datetime.now(UTC))
        assert old is not None
        assert withdrawn is not None
        await partners.revoke_key(tx, partner.id, withdrawn.key.id, now=datetime.now(UTC))
        await add_key(tx, _key_for(partner.id), api_key_hash(api_key))

    answers = await door.bring(
        MAIL,
        its_address,
        f"{old.secret}@{DOMAIN}",
        f"{withdrawn.secret}@{DOMAIN}",
        f"{api_key}@{DOMAIN}",
        f"feed-{'a' * 32}@{DOMAIN}",
        f"postmaster@{DOMAIN}",
        address,
    )

    assert [answer[:9] for answer in answers] == ["550 5.7.1", *["550 5.1.1"] * 5, "250 2.0.0"]


def _key_for(partner_id: UUID) -> PartnerKey:
    return PartnerKey(
        id=new_id(),
        partner_id=partner_id,
        prefix="tck_x",
        created_at=datetime.now(UTC),
        expires_at=None,
        last_used_at=None,
        revoked_at=None,
    )


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        (b"Subject: x\r\n\r\nhello\r\n", "554 5.6.0 the mail holds no report"),
        (MAIL.replace(b"192.0.2.44", b"nonsense"), "Source-IP: 'nonsense' is not an IP address"),
    ],
)
async def test_what_can_never_be_taken_is_refused_in_words_and_leaves_nothing(
    door: Door, tmp_path: Path, mail: bytes, said: str
) -> None:
    _, address = await door.partner()

    (answer,) = await door.bring(mail, address)

    assert answer.startswith("554 5.6.0 ")
    assert said in answer
    assert await door.receipts() == []
    assert files_in(tmp_path) == []


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_while_the_pipeline_is_behind_the_mail_server_keeps_the_mail(door: Door) -> None:
    _, address = await door.partner()

    door.means.pressure.added(BACKLOG_LIMIT + 1)
    (later,) = await door.bring(MAIL, address)
    door.means.pressure.added(-BACKLOG_LIMIT - 1)
    (taken,) = await door.bring(MAIL, address)

    assert later.startswith("451 4.3.2 ")
    assert taken.startswith("250 ")


@pytest.mark.parametrize(
    ("fault", "answer"),
    [("disk-full:1", "452 4.3.1"), ("database-refuses:1", "451 4.3.0"), ("database-cut:1", "451 4.3.0")],
)
async def test_while_something_is_away_the_mail_server_keeps_the_mail(door: Door, fault: str, answer: str) -> None:
    _, address = await door.partner()

    faults.arm(fault, seed=0)
    (later,) = await door.bring(MAIL, address)
    faults.arm("", seed=0)

    assert later.startswith(answer)
    assert await door.receipts() == []
    (taken,) = await door.bring(MAIL, address)
    assert taken.startswith("250 ")


async def test_a_mail_is_taken_although_the_broker_is_away(door: Door) -> None:
    """It is kept, which is what was promised; whoever works on what is unread publishes it."""
    _, address = await door.partner()

    faults.arm("broker-refuses:1", seed=0)
    (answer,) = await door.bring(MAIL, address)
    faults.arm("", seed=0)

    (receipt,) = await door.receipts()
    assert answer == f"250 2.0.0 Taken as submission {receipt.submission.id}"
    assert receipt.submission.status is Status.PROCESSING


@pytest.mark.parametrize(
    ("fault", "kept"),
    [("crash-payload-drafted", False), ("crash-payload-kept", False), ("crash-submission-stored", True)],
)
async def test_a_mail_whose_answer_was_lost_with_the_process_is_one_submission(
    door: Door,
    infrastructure: BackgroundStack,
    database_url: str,
    operator_public_key: str,
    tmp_path: Path,
    fault: str,
    kept: bool,
) -> None:
    _, address = await door.partner()
    environment = {
        "TOCSIN_INTAKE_DATABASE_URL": database_url,
        "TOCSIN_INTAKE_KAFKA_BOOTSTRAP": infrastructure.endpoints.kafka,
        "TOCSIN_INTAKE_OPERATOR_PUBLIC_KEY": operator_public_key,
        "TOCSIN_INTAKE_PAYLOAD_DIR": str(tmp_path),
        "TOCSIN_INTAKE_LEASE_SECONDS": "2",  # who died had one, and is waited for as long as that
        "TOCSIN_INTAKE_FAULTS": f"{fault}:1x1",
        "TOCSIN_INTAKE_FAULTS_TALLY": str(tmp_path / "tally"),
    }

    async with life(environment) as (first, port):
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            await replace(door, port=port).bring(MAIL, address)
        assert await first.wait() == faults.CRASHED
    assert len(await door.receipts()) == kept
    async with life(environment) as (_, port):
        (answer,) = await replace(door, port=port).bring(MAIL, address)
        (receipt,) = await door.receipts()
        assert answer == f"250 2.0.0 Taken as submission {receipt.submission.id}"
        async with asyncio.timeout(60):
            while (receipt := (await door.receipts())[0]).submission.status is not Status.DONE:
                await asyncio.sleep(0.1)

    assert receipt.accepted == 1


@asynccontextmanager
async def life(environment: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Intake as a process of its own, from the start until it is dead."""
    port = free_port_base()
    ports = {"TOCSIN_INTAKE_HTTP_PORT": str(port), "TOCSIN_INTAKE_LMTP_PORT": str(port + 1)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.intake", env={**os.environ, **environment, **ports}
    )
    try:
        await listening(port + 1)
        yield process, port + 1
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
