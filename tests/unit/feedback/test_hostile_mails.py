"""Mails that are built to hurt: read within bounds, counted, never a crash."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.vocabulary import Permanence, ReturnKind, Trust
from services.feedback.domain.incoming.mail import HEADER_CHARACTERS, TEXT_CHARACTERS, read
from services.feedback.domain.incoming.permanence import in_words, permanence_of
from services.feedback.domain.incoming.recognised import UNREADABLE, recognise
from tests.unit.feedback.test_mails_that_come_back import ADDRESSES, CASES, HOUSE, MAILS, NOTIFICATION

REPORT = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"


def nested(depth: int) -> bytes:
    heads = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (at, at) for at in range(depth)
    )
    return b"Subject: deep\r\n" + heads + b"\r\nbottom\r\n"


HOSTILE = {
    "ten-thousand-parts": b"Subject: many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nx\r\n" * 10_000,
    "five-thousand-deep": nested(5000),
    "mails-in-mails": b"Subject: deep\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "a-header-of-a-megabyte": b"Subject: " + b"a" * 1_000_000 + b"\r\n\r\nhello\r\n",
    "a-folded-header-of-a-megabyte": b"Subject: a\r\n" + b" folded on and on\r\n" * 60_000 + b"\r\nhello\r\n",
    "a-hundred-thousand-headers": b"X-A: b\r\n" * 100_000 + b"\r\nhello\r\n",
    "encoded-words": b"Subject: " + b"=?utf-8?Q?=C3=A9?= " * 50_000 + b"\r\n\r\nhello\r\n",
    "half-encoded-words": b"Subject: " + b"=?utf-8?Q?" * 50_000 + b"\r\n\r\nhello\r\n",
    "a-hundred-thousand-statuses": REPORT
    + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    + b"Action: expanded\r\nStatus: 2.0.0\r\n\r\n" * 100_000,
    "tags": b"Content-Type: text/html\r\n\r\n" + b"<" * 500_000,
    "styles": b"Content-Type: text/html\r\n\r\n" + b"<style " * 70_000,
    "one-long-word": b"From: mailer-daemon@a.example\r\n\r\n" + b"a" * 1_000_000,
    "addresses": b"From: mailer-daemon@a.example\r\n\r\n" + b"a@b." * 200_000,
    "mailboxes": b"From: mailer-daemon@a.example\r\n\r\n" + b"mailbox user account unknown is over " * 30_000,
    "references": b"Subject: TOC-" + b"TOC-0000000000 " * 60_000 + b"\r\n\r\n" + b"TOC-0000000000 " * 60_000,
    "nothing-but-zeros": bytes(1_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_read_within_bounds(name: str) -> None:
    started = time.process_time()
    mail = read(HOSTILE[name])
    recognise(mail, to=ADDRESSES["token"], house=HOUSE)
    assert time.process_time() - started < 3
    if mail is not None:
        assert len(mail.text) <= TEXT_CHARACTERS
        assert all(len(value) <= HEADER_CHARACTERS for value in mail.headers.fields.values())


@pytest.mark.parametrize("name", ["ten-thousand-parts", "five-thousand-deep", "mails-in-mails"])
def test_a_bomb_is_not_looked_into(name: str) -> None:
    found = recognise(read(HOSTILE[name]), to=ADDRESSES["token"], house=HOUSE)
    assert (found.kind, found.detail) == (ReturnKind.OTHER, UNREADABLE.detail)
    assert (found.notification_id, found.trust) == (NOTIFICATION, Trust.TOKEN)


@given(case=st.sampled_from(CASES), at=st.floats(0, 1), put_in=st.binary(max_size=40), cut=st.integers(0, 200))
def test_a_mail_that_was_damaged_is_still_something(case: dict[str, str], at: float, put_in: bytes, cut: int) -> None:
    content = (MAILS / f"{case['mail']}.eml").read_bytes()
    place = int(at * len(content))
    recognise(read(content[:place] + put_in + content[place + cut :]), to=ADDRESSES[case["to"]], house=HOUSE)


@given(st.binary(max_size=2000))
def test_any_bytes_are_some_mail(content: bytes) -> None:
    assert recognise(read(content), to="desk@tocsin.example", house=HOUSE).trust is not Trust.TOKEN


def test_a_token_of_another_key_names_nothing() -> None:
    forged = ADDRESSES["token"].replace("b+", "b+a", 1)[:-1]
    content = (MAILS / "dsn-forged-without-anything.eml").read_bytes()
    found = recognise(read(content), to=forged, house=HOUSE)
    assert (found.kind, found.trust, found.notification_id) == (ReturnKind.BOUNCE, Trust.NONE, None)


@pytest.mark.parametrize(
    ("status", "words", "meant"),
    [
        ("5.1.1", "", Permanence.PERMANENT),
        ("5.1.10", "", Permanence.PERMANENT),
        ("5.2.1", "", Permanence.PERMANENT),
        ("5.2.2", "user unknown", Permanence.MAILBOX_FULL),
        ("4.2.2", "", Permanence.MAILBOX_FULL),
        ("4.1.1", "user unknown", Permanence.TEMPORARY),
        ("5.7.1", "", Permanence.POLICY),
        ("5.7.1", "no such user", Permanence.PERMANENT),
        ("5.6.0", "", Permanence.POLICY),
        ("5.4.4", "Host unknown", Permanence.PERMANENT),
        ("5.4.7", "delivery time expired", Permanence.TEMPORARY),
        ("5.0.0", "", Permanence.TEMPORARY),
        ("", "The account was deleted", Permanence.PERMANENT),
        ("", "We do not know", Permanence.TEMPORARY),
    ],
)
def test_a_code_and_words_say_how_lasting_it_is(status: str, words: str, meant: Permanence) -> None:
    assert permanence_of(status, words) is meant


@pytest.mark.parametrize(
    "words",
    ["Thank you for your mail.", "We found no problem with our server.", "The user will look at it on Monday.", ""],
)
def test_words_of_people_are_not_those_of_mail_servers(words: str) -> None:
    assert in_words(words) is None
