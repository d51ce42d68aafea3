"""The mail as bytes: headers that can't be forged, parts that every program reads."""

import csv
import io
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from libs.common.contracts import Asset
from libs.common.vocabulary import Language
from services.notifier.domain.letter import letter_of
from services.notifier.domain.message import is_writable, mail_of
from services.notifier.domain.notification import Consignment
from services.notifier.gateway.press import Press
from tests.unit.notifier.builders import HOUSE, NOW, TOKENS, consignment, notification, recipient, target

PRESS = Press()


def mail(of: Consignment, *, again: bool = False) -> EmailMessage:
    message = message_from_bytes(raw(of, again=again), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def raw(of: Consignment, *, again: bool = False) -> bytes:
    words = PRESS.words(of.notification.recipient.language)
    letter = letter_of(of, words=words, house=HOUSE, tokens=TOKENS)
    return mail_of(letter, PRESS.print(letter), house=HOUSE, now=NOW, again=again).content


def test_the_headers_say_who_writes_and_where_to_answer() -> None:
    of = consignment()

    message = mail(of)

    reference = of.notification.reference
    assert message["From"] == "Tocsin <notifications@tocsin.example>"
    assert message["To"] == "Bakkerij Jansen <info@jansen.example>"
    assert message["Reply-To"] == f"Tocsin <desk+{reference}@tocsin.example>"
    assert message["Message-ID"] == f"<{of.notification.id}@tocsin.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "<notifications.tocsin.example>"
    assert "<https://tocsin.example/u/recipient-token>" in message["List-Unsubscribe"]
    assert f"<mailto:desk+{reference}@tocsin.example?subject=unsubscribe>" in message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["X-Tocsin-Reference"] == reference
    assert message["Content-Language"] == "nl"
    assert message["X-Tocsin-Resend"] is None
    assert len(set(message.keys())) == len(message.keys())


def test_a_second_copy_has_the_same_message_id_and_says_that_it_is_one() -> None:
    of = consignment()

    assert mail(of, again=True)["Message-ID"] == mail(of)["Message-ID"]
    assert mail(of, again=True)["X-Tocsin-Resend"] == "in-doubt"


def test_both_parts_come_back_as_they_were_printed() -> None:
    of = consignment(about=notification(to=recipient(name="Café “Zoë” is één")))
    letter = letter_of(of, words=PRESS.words(Language.DUTCH), house=HOUSE, tokens=TOKENS)
    printed = PRESS.print(letter)

    message = mail(of)

    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert text.get_content().replace("\r\n", "\n").rstrip("\n") == printed.text.rstrip("\n")
    assert html.get_content().replace("\r\n", "\n").rstrip("\n") == printed.html.rstrip("\n")


@pytest.mark.parametrize(
    "name",
    [
        "Jansen\r\nBcc: everybody@evil.example",
        "Jansen\nX-Evil: 1",
        "Jansen\u2028Bcc: x@evil.example",
        "Jansen\x85Bcc: x@evil.example",
        "Jansen\x00\r\n\r\n<html>",
        '"; rm -rf" <evil@evil.example>',
        "é" * 3000,
        "a" * 3000,
    ],
)
def test_a_recipients_name_adds_no_header_and_no_recipient(name: str) -> None:
    to = recipient(name=name)
    of = consignment(target(to=to), about=notification(to=to))

    message = mail(of)

    assert sorted(message.keys()) == sorted(mail(consignment()).keys())
    assert [address.addr_spec for address in message["To"].addresses] == ["info@jansen.example"]
    assert not message.defects


def test_every_line_ends_with_crlf_and_is_short() -> None:
    found = [target(asset=Asset(url="http://a.example/" + "x" * 1900 + str(place))) for place in range(12)]
    content = raw(consignment(*found, about=notification(to=recipient(name="één " * 40))))

    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.isascii()


def test_no_cell_of_the_attachment_can_start_a_formula() -> None:
    names = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "plain")
    found = [target(asset=Asset(domain=f"{names[place % 6]}{place}.example")) for place in range(12)]

    [attachment] = mail(consignment(*found)).iter_attachments()

    assert isinstance(attachment, EmailMessage)
    assert attachment.get_content_type() == "text/csv"
    assert attachment.get_filename() == f"gevonden-{notification().reference}.csv"
    table = attachment.get_payload(decode=True)
    assert isinstance(table, bytes)
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"))))
    assert len(rows) == 1 + 12
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]


@pytest.mark.parametrize(
    "email", ["info@jansen.example", "a.b+c@xn--jrg-sna.example", "jörg@jansen.example", "info@jörg.example"]
)
def test_an_address_of_one_mailbox_is_writable(email: str) -> None:
    assert is_writable(email)


@pytest.mark.parametrize(
    "email",
    ["a@b@c.example", "info", "a b@c.example", "a@b.example\r\nRCPT"],
)
def test_an_address_that_the_relay_can_not_be_given_is_not(email: str) -> None:
    assert not is_writable(email)


def test_a_domain_beyond_ascii_is_written_in_ascii() -> None:
    of = consignment(about=notification(to=recipient(email="info@jörg.example")))

    content = raw(of)

    assert content.isascii()
    assert message_from_bytes(content)["To"].endswith("<info@xn--jrg-sna.example>")


def test_a_local_part_beyond_ascii_stands_in_the_mail_as_it_is() -> None:
    of = consignment(about=notification(to=recipient(email="jörg@jansen.example")))

    assert "<jörg@jansen.example>\r\n".encode() in raw(of)
