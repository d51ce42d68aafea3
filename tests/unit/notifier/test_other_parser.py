"""Our mails as a parser of another project reads them: nothing is lost, nothing is added, and it has nothing to mend.

It is written in Rust, and shares nothing with the email package that our other tests read mails with.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec
import pytest
from fast_mail_parser import PyMail, parse_email, parse_email_tree, walk

from libs.common.contracts import Asset
from libs.common.vocabulary import Language, NotificationKind, RecipientKind
from services.notifier.domain.attachments.attachment import Attachment
from services.notifier.domain.corrections.letter import CorrectionLetter, correction_of
from services.notifier.domain.digests.digest import Digest
from services.notifier.domain.digests.letter import digest_letter_of
from services.notifier.domain.digests.message import digest_mail_of
from services.notifier.domain.letter import Letter, letter_of
from services.notifier.domain.message import Mail, Printed, mail_of
from services.notifier.domain.notification import Consignment, State
from services.notifier.domain.sealing.seal import SigningCertificate
from services.notifier.domain.sealing.sealed import signed
from tests.certificates import mail_certificate, rsa_key
from tests.unit.notifier.builders import HOUSE, NOW, TOKENS, consignment, notification, recipient, target
from tests.unit.notifier.test_digests import DUE, PRESS
from tests.unit.notifier.test_dkim import keys

KINDS = tuple(RecipientKind)


class Written(msgspec.Struct, frozen=True):
    """A mail, and what went into it."""

    mail: Mail
    printed: Printed
    attachments: Sequence[Attachment] = ()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("findings", [1, 60])
def test_a_warning_is_read_as_it_was_written(kind: RecipientKind, language: Language, findings: int) -> None:
    says_the_same(warning(of(kind=kind, language=language, findings=findings)))


@pytest.mark.parametrize("language", Language)
def test_a_correction_and_a_digest_are_read_as_they_were_written(language: Language) -> None:
    says_the_same(correction(of(language=language)))
    says_the_same(digest(language))


def test_a_mail_to_an_address_beyond_ascii_is_read_with_it() -> None:
    written = warning(of(email="jörg@bücher.example", name="Bäckerei Jörg & Söhne, gegründet 1890 in Köln am Rhein"))

    parsed = says_the_same(written)

    assert [(each.display_name, each.address) for each in parsed.to] == [
        ("Bäckerei Jörg & Söhne, gegründet 1890 in Köln am Rhein", "jörg@xn--bcher-kva.example")
    ]


@pytest.mark.parametrize("again", [False, True])
def test_all_that_programs_go_by_is_found_once(again: bool) -> None:
    written = warning(of(), again=again)

    headers = says_the_same(written).headers

    names = ("Message-ID", "Auto-Submitted", "List-Unsubscribe-Post", "MIME-Version", "X-Tocsin-Reference")
    assert {name: headers[name] for name in names} == {
        "Message-ID": [f"<{notification().id}@tocsin.example>"],
        "Auto-Submitted": ["auto-generated"],
        "List-Unsubscribe-Post": ["List-Unsubscribe=One-Click"],
        "MIME-Version": ["1.0"],
        "X-Tocsin-Reference": [notification().reference],
    }
    assert headers.get("X-Tocsin-Resend") == (["in-doubt"] if again else None)
    assert {len(values) for values in headers.values()} == {1}


def by_dkim(content: bytes) -> bytes:
    return keys().sign(content, now=NOW)


def by_certificate(content: bytes) -> bytes:
    ours = mail_certificate(HOUSE.from_address)
    return signed(content, with_=SigningCertificate(ours.certificate, rsa_key()), mark="0123")


@pytest.mark.parametrize("sign", [by_dkim, by_certificate, lambda content: by_dkim(by_certificate(content))])
@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_mail_is_read_as_it_was_written(sign: Callable[[bytes], bytes], kind: RecipientKind) -> None:
    written = warning(of(kind=kind, findings=60))
    mail = msgspec.structs.replace(written.mail, content=sign(written.mail.content))

    says_the_same(msgspec.structs.replace(written, mail=mail))


def test_the_structure_is_that_of_a_text_in_two_forms_beside_its_files() -> None:
    tree = parse_email_tree(warning(of(kind=RecipientKind.NETWORK_OWNER)).mail.content)

    assert [part.content_type for part in walk(tree)] == [
        "multipart/mixed",
        *("multipart/alternative", "text/plain", "text/html"),
        *("text/csv", "application/json"),
    ]


def says_the_same(written: Written) -> PyMail:
    """Everything that a recipient sees or opens, as the other parser has it."""
    parsed = parse_email(written.mail.content)
    assert not parsed.warnings
    assert parsed.subject == written.mail.subject
    assert [each.address for each in parsed.to] == [written.mail.recipient]
    assert parsed.from_ is not None
    assert parsed.from_.address == HOUSE.from_address
    assert [unix(text) for text in parsed.text_plain] == [written.printed.text]
    assert [unix(text) for text in parsed.text_html] == [written.printed.html]
    files = [(each.filename, each.content) for each in parsed.attachments if each.filename != "smime.p7s"]
    assert files == [(each.name, each.content) for each in written.attachments]
    return parsed


def unix(text: str) -> str:
    return text.replace("\r\n", "\n")


@lru_cache
def of(
    *,
    kind: RecipientKind = RecipientKind.ORGANISATION,
    language: Language = Language.DUTCH,
    findings: int = 1,
    name: str = "Bakkerij Jansen",
    email: str = "info@jansen.example",
) -> Consignment:
    to = recipient(kind=kind, language=language, name=name, email=email)
    found = (target(to=to, asset=Asset(ip=f"192.0.2.{number}", port=445)) for number in range(1, findings + 1))
    return consignment(*found, about=notification(to=to))


def warning(about: Consignment, *, again: bool = False) -> Written:
    words = PRESS.words(about.notification.recipient.language)
    letter = letter_of(about, words=words, house=HOUSE, tokens=TOKENS)
    return _written(letter, PRESS.print(letter), again=again)


def correction(about: Consignment) -> Written:
    original = msgspec.structs.replace(about.notification, sent_at=NOW)
    wrong = msgspec.structs.replace(original, kind=NotificationKind.CORRECTION, corrects=original.id)
    letter = correction_of(
        msgspec.structs.replace(about, notification=wrong, original=original),
        words=PRESS.correction_words(original.recipient.language),
        common=PRESS.words(original.recipient.language),
        house=HOUSE,
        tokens=TOKENS,
    )
    return _written(letter, PRESS.print_correction(letter))


def _written(letter: Letter | CorrectionLetter, printed: Printed, *, again: bool = False) -> Written:
    mail = mail_of(letter, printed, house=HOUSE, now=NOW, again=again)
    return Written(mail, printed, letter.attachments)


def digest(language: Language) -> Written:
    due = msgspec.structs.replace(DUE, language=language)
    letter = digest_letter_of(due, words=PRESS.digest_words(language), common=PRESS.words(language), house=HOUSE)
    printed = PRESS.print_digest(letter)
    kept = Digest(
        id=due.digest_id,
        due=due,
        state=State.SENDING,
        reason="",
        created_at=NOW,
        next_attempt_at=None,
        sent_at=None,
        subject=None,
        tries=1,
        doubts=0,
    )
    return Written(digest_mail_of(kept, letter, printed, house=HOUSE, now=NOW), printed)
