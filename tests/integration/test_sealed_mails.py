"""Encrypted mails from the queue to the relay: the same at each try, never in clear by accident, shown to analysts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import msgspec

from libs.common.contracts import Encryption
from libs.common.db import Database
from libs.common.shutdown import Shutdown
from services.notifier.api.views import NotificationDetail, detail_of
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment, State, Wanted
from services.notifier.domain.replies import Answered, Reply
from services.notifier.domain.sealing.entity import opened
from services.notifier.domain.sealing.policy import EncryptionPolicy
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.gateway.press import Press
from services.notifier.gateway.relay import Relay, RememberingRelay
from services.notifier.handlers.looking import dossier_of
from services.notifier.handlers.sealing import Sealer
from services.notifier.handlers.sender import Sender, SenderLimits
from services.notifier.handlers.sending import claim, deliver, record
from services.notifier.store import lists
from tests.certificates import Authority, Certified, mail_certificate, rsa_key
from tests.integration.test_notifier import LATER, LEASE, RETRY, SCRIBE, close_due, database, plan, said, states
from tests.unit.notifier.builders import HOUSE, recipient, target
from tests.unit.notifier.independent import opened_by_openssl, verified

__all__ = ["database"]

BAKER = "info@jansen.example"
LIMITS = SenderLimits(connections=4, start=timedelta(seconds=5), lease=timedelta(seconds=30), pause_seconds=0.02)


SUBJECTS = Press().sealed_subjects


@lru_cache
def their_certificate() -> Certified:
    return mail_certificate(BAKER, key=rsa_key(number=1))


def given(certified: Certified, *, is_required: bool = False) -> Encryption:
    return Encryption(smime_certificate=certified.pem.decode(), is_required=is_required)


def sealer(database: Database, *, by: Certified | None = None) -> Sealer:
    signing = SigningCertificate(mail_certificate(HOUSE.from_address, by=by).certificate, rsa_key())
    return Sealer(database, certificate=signing, policy=EncryptionPolicy.WHEN_POSSIBLE, subjects=SUBJECTS)


class OfferedRelay(RememberingRelay):
    """Remembers each mail that it was offered, whatever it answers."""

    def __init__(self, *answers: Reply) -> None:
        super().__init__()
        self.offered: list[Mail] = []
        self._answers = list(answers)

    async def deliver(self, mail: Mail) -> Reply:
        self.offered.append(mail)
        return self._answers.pop(0) if self._answers else await super().deliver(mail)


@asynccontextmanager
async def running(database: Database, relay: RememberingRelay, with_: Sealer) -> AsyncIterator[None]:
    news, shutdown = asyncio.Event(), Shutdown()
    sender = Sender(database=database, relay=relay, scribe=SCRIBE, policy=RETRY, limits=LIMITS, news=news, sealer=with_)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.run(shutdown))
        yield
        shutdown.request()


async def until_are(expected: dict[State, int], database: Database) -> None:
    while Counter(await states(database)) != expected:
        await asyncio.sleep(0.02)


async def queue(database: Database, **encryptions: Encryption | None) -> None:
    await plan(
        database,
        *(
            target(to=recipient(email=BAKER if name == "baker" else f"{name}@jansen.example", encryption=each))
            for name, each in encryptions.items()
        ),
    )
    await close_due(database)


async def details(database: Database) -> dict[str, NotificationDetail]:
    async with database.transaction() as tx:
        found = await lists.newest_notifications(tx, Wanted(), before=None, limit=9)
        return {each.recipient.email: detail_of(await dossier_of(tx, each)) for each in found}


async def test_each_recipient_gets_what_it_can_read_and_an_analyst_sees_how(database: Database, tmp_path: Path) -> None:
    named_otherwise = given(their_certificate())
    await queue(
        database,
        baker=given(their_certificate()),
        other=named_otherwise,
        strict=msgspec.structs.replace(named_otherwise, is_required=True),
        keyless=None,
    )
    relay, authority = OfferedRelay(), Authority(tmp_path, "authority")

    async with running(database, relay, sealer(database, by=authority.own)):
        await until_are({State.SENT: 3, State.FAILED: 1}, database)

    mails = {mail.recipient: mail.content for mail in relay.offered}
    assert mails.keys() == {BAKER, "other@jansen.example", "keyless@jansen.example"}
    key_file = their_certificate().written(tmp_path / "theirs.pem")
    inside = opened_by_openssl(mails.pop(BAKER), key_file=key_file, folder=tmp_path)
    assert all(
        verified(mail, authority=authority.file, folder=tmp_path) is not None
        for mail in [*mails.values(), inside or b""]
    )
    seen = await details(database)
    encryption = seen[BAKER].encryption
    assert encryption is not None
    assert (encryption.scheme, encryption.why) == ("smime", "")
    assert seen["keyless@jansen.example"].encryption is None
    in_clear = seen["other@jansen.example"].encryption
    assert in_clear is not None
    assert (in_clear.scheme, in_clear.why) == (None, "its S/MIME certificate is of another address")
    withheld = seen["strict@jansen.example"]
    assert (withheld.state, withheld.reason) == (State.FAILED, "not-encrypted")
    assert withheld.attempts[0].detail == (
        "The recipient takes encrypted mail only, and its S/MIME certificate is of another address."
    )
    assert ("failed", "not-encrypted") in await said(database)


async def test_a_second_try_is_the_same_mail_unless_it_tells_of_something_else(database: Database) -> None:
    await queue(database, baker=given(their_certificate()))
    relay, seals = OfferedRelay(*3 * [Answered(451, "4.3.0 busy")]), sealer(database)

    first = await try_once(database, relay, seals, after=0)
    await try_once(database, relay, seals, after=1)
    changed = [msgspec.structs.replace(item, targets=(target(),)) for item in first]
    await try_once(database, relay, seals, after=2, instead=changed)
    await try_once(database, relay, seals, after=3)

    insides = [opened(mail.content).inside for mail in relay.offered]
    assert insides[0] == insides[1] != insides[2]
    assert insides[3] not in insides[:3]
    assert await states(database) == [State.SENT]


async def try_once(
    database: Database, relay: OfferedRelay, seals: Sealer, *, after: int, instead: Sequence[Consignment] = ()
) -> Sequence[Consignment]:
    """One attempt, so many tries after the first; with other targets `instead`, as after a withdrawal."""
    now = LATER + timedelta(hours=6 * after)
    async with database.transaction() as tx:
        claimed = await claim(tx, now=now, lease=LEASE, limit=9)
    told = [msgspec.structs.replace(old, notification=new.notification) for old, new in zip(instead, claimed)]  # noqa: B905
    delivered = [
        await deliver(item, scribe=SCRIBE, relay=seals.before(relay, item), policy=RETRY, now=now)
        for item in told or claimed
    ]
    async with database.transaction() as tx:
        await record(tx, delivered, now=now)
    return claimed


class CountingSealer(Sealer):
    """Says how often it was asked."""

    asked = 0

    def before(self, relay: Relay, consignment: Consignment | None = None) -> Relay:
        self.asked += 1
        return super().before(relay, consignment)


async def test_what_can_t_be_kept_does_not_leave(database: Database) -> None:
    await queue(database, baker=given(their_certificate()))
    relay = OfferedRelay()
    away = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1, statement_timeout_seconds=1)
    seals = CountingSealer(away, certificate=None, policy=EncryptionPolicy.WHEN_POSSIBLE, subjects=SUBJECTS)

    async with running(database, relay, seals):
        while seals.asked < 3:
            await asyncio.sleep(0.02)
        assert relay.offered == []
        seals._database = database
        await until_are({State.SENT: 1}, database)

    assert len(relay.offered) == 1
    await away.close()
