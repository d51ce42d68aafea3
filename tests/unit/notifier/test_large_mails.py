"""10,000 findings for one recipient: one mail, which is no larger than servers take and says where everything is."""

import csv
import io
import random
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache, partial
from zipfile import ZipFile

import msgspec
import pytest

from libs.common.contracts import Asset, Encryption, NotificationSent, TargetAttributed
from libs.common.contracts.wire import encode
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.publisher import MESSAGE_BYTES
from libs.common.vocabulary import Language, RecipientKind
from services.notifier.domain.attachments.attachment import MAIL_BYTES
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment
from services.notifier.domain.outcome import TARGETS_IN_EVENT, events_of
from services.notifier.domain.replies import Failed, Reply, Sent, TooLarge
from services.notifier.domain.sealing.entity import in_base64
from services.notifier.gateway.press import Press
from services.notifier.gateway.relay import RememberingRelay
from services.notifier.handlers.scribe import Scribe
from services.notifier.handlers.sending import deliver
from tests.integration.test_notifier import RETRY
from tests.unit.notifier.builders import HOUSE, NOW, consignment, notification, recipient, target

SCRIBE = Scribe(house=HOUSE, press=Press(), links=Links(b"key of the tests"))
MANY = 10_000
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@cache
def long_names(count: int) -> list[str]:
    """Names of 253 characters, of which nothing packs well."""
    chance = random.Random(4711)
    all_in_all = "".join(chance.choices(LETTERS, k=count * 61))
    parts = [all_in_all[at : at + 61] for at in range(0, len(all_in_all), 61)]
    return [".".join((f"{number:05d}", *chance.choices(parts, k=4))) for number in range(count)]


def many(
    count: int, *, kind: RecipientKind = RecipientKind.ORGANISATION, language: Language = Language.ENGLISH
) -> Consignment:
    """A mail about so many hosts, each with a long name."""
    one = target(to=recipient(kind=kind, language=language))
    targets = [
        msgspec.structs.replace(
            one,
            target_id=derived_id("many", number),
            threat_id=derived_id("threat of many", number),
            indicator=msgspec.structs.replace(one.indicator, asset=Asset(domain=name, port=445)),
        )
        for number, name in enumerate(long_names(count))
    ]
    return mail_about(targets)


def mail_about(targets: Sequence[TargetAttributed]) -> Consignment:
    about = notification(to=targets[0].recipient)
    return consignment(*targets, about=msgspec.structs.replace(about, targets_total=len(targets)))


def opened(mail: Mail) -> EmailMessage:
    message = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(mail: Mail) -> str:
    body = opened(mail).get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def files_of(mail: Mail) -> dict[str, bytes]:
    """As they are once they are unpacked, by the end of their names."""
    found = {}
    for part in opened(mail).iter_attachments():
        name, content = part.get_filename() or "", part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if name.endswith(".zip"):
            with ZipFile(io.BytesIO(content)) as archive:
                [inner] = archive.namelist()
                name, content = inner, archive.read(inner)
        found[name.rpartition(".")[2]] = content
    return found


def rows_in(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1:]


@pytest.mark.parametrize("language", Language)
def test_ten_thousand_long_names_are_one_mail_that_shows_ten_and_has_all_in_its_table(language: Language) -> None:
    mail = SCRIBE.write(many(MANY, language=language), now=NOW)

    assert len(mail.content) < MAIL_BYTES
    words = Press().words(language).phrases
    assert words.more_findings.format(rest=MANY - 10, count=MANY) in text_of(mail)
    assert words.attached_packed in text_of(mail)
    assert words.attached_part.partition("{")[0] not in text_of(mail)
    assert len({row[0] for row in rows_in(files_of(mail)["csv"])}) == MANY


@pytest.mark.parametrize("kind", [RecipientKind.NETWORK_OWNER, RecipientKind.NATIONAL_CERT])
def test_machines_get_all_of_it_in_a_table_and_what_reports_there_is_room_for(kind: RecipientKind) -> None:
    mail = SCRIBE.write(many(MANY, kind=kind), now=NOW)

    assert len(mail.content) < MAIL_BYTES
    files = files_of(mail)
    assert len(rows_in(files["csv"])) == MANY
    reports = msgspec.json.decode(files["json"])
    if len(reports) < MANY:
        assert f"the first {len(reports)} of {MANY}; the table has them all" in text_of(mail)
    else:
        assert "the first" not in text_of(mail)


def test_a_table_that_people_can_open_as_it_is_is_not_packed() -> None:
    mail = SCRIBE.write(many(5_000), now=NOW)

    assert [part.get_content_type() for part in opened(mail).iter_attachments()] == ["text/csv"]
    assert "ZIP" not in text_of(mail)


@pytest.mark.parametrize("kind", [RecipientKind.ORGANISATION, RecipientKind.NETWORK_OWNER])
@pytest.mark.parametrize("most_bytes", [1_000_000, 300_000])
def test_a_mail_that_has_to_be_smaller_has_less_in_its_files_and_says_so(kind: RecipientKind, most_bytes: int) -> None:
    mail = SCRIBE.write(many(MANY, kind=kind), now=NOW, most_bytes=most_bytes)

    assert len(mail.content) <= most_bytes
    files = files_of(mail)
    assert "json" not in files, "the table goes before the reports"
    assert f"There was room for the first {len(rows_in(files['csv']))} of {MANY}" in text_of(mail)


def test_a_mail_that_is_full_says_that_there_may_be_another() -> None:
    scribe = Scribe(house=HOUSE, press=Press(), links=Links(b"key of the tests"), full_at=20)

    assert "if there is more, it comes in another" in text_of(scribe.write(many(20), now=NOW))
    assert "if there is more" not in text_of(scribe.write(many(19), now=NOW))


def test_a_round_up_of_several_large_ones_is_not_larger_than_any_other_mail() -> None:
    whole = many(MANY)
    halves = [mail_about(whole.targets[: MANY // 2]), mail_about(whole.targets[MANY // 2 :])]
    together = msgspec.structs.replace(halves[0], companions=(halves[1],))

    mail = SCRIBE.write(together, now=NOW)

    assert len(mail.content) < MAIL_BYTES


def test_what_is_encrypted_leaves_room_for_it() -> None:
    """Everything is written in base64 once more."""
    whole = many(MANY, kind=RecipientKind.NETWORK_OWNER)
    to = msgspec.structs.replace(whole.notification.recipient, encryption=Encryption(pgp_key="a key"))
    to_reader = msgspec.structs.replace(whole, notification=msgspec.structs.replace(whole.notification, recipient=to))

    mail = SCRIBE.write(to_reader, now=NOW)

    assert len(in_base64(mail.content)) < MAIL_BYTES


def test_many_targets_are_told_of_in_several_events_each_small_enough_for_a_message() -> None:
    of = many(MANY + 1)

    sent = [each for each in events_of(of, Sent(250, "ok"), subject="s", now=NOW) if isinstance(each, NotificationSent)]

    assert [(each.part, each.parts) for each in sent] == [(part, 6) for part in range(1, 7)]
    assert len({each.event_id for each in sent}) == 6
    assert sent[0].event_id == derived_id("notification-sent", of.notification.id), "as it was before there were parts"
    assert max(len(encode(each)) for each in sent) < MESSAGE_BYTES
    assert max(len(each.targets) for each in sent) == TARGETS_IN_EVENT
    told = [told.target_id for each in sent for told in each.targets]
    assert told == [each.target_id for each in of.targets]


class SmallRelay(RememberingRelay):
    """Takes no mail that is larger than this, and says so before it is offered one."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes = most_bytes

    async def deliver(self, mail: Mail) -> Reply:
        is_too_large = len(mail.content) > self._most_bytes
        return TooLarge(len(mail.content), self._most_bytes) if is_too_large else await super().deliver(mail)


send = partial(deliver, scribe=SCRIBE, policy=RETRY, now=NOW)


async def test_a_relay_that_takes_less_gets_a_smaller_mail() -> None:
    relay = SmallRelay(800_000)

    delivered = await send(many(MANY), relay=relay)

    assert isinstance(delivered.result, Sent)
    [mail] = relay.mails
    assert 300_000 < len(mail.content) <= 800_000
    assert f"of {MANY}; ask us for the rest" in text_of(mail)


async def test_a_relay_that_takes_not_even_the_words_is_no_fault_of_the_address() -> None:
    delivered = await send(many(20), relay=SmallRelay(5_000))

    assert isinstance(delivered.result, Failed)
    assert (delivered.result.reason, delivered.result.wants_next_contact) == ("bad-message", False)
    assert "takes mails of 5000 bytes, and this one has" in delivered.result.text
