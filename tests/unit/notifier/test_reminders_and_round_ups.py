"""What a reminder says, and what a mail with several notifications says, in the words that a baker reads."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import msgspec
import pytest

from libs.common.contracts import Asset
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.references import reference_of
from libs.common.vocabulary import Language, RecipientKind, Severity
from services.notifier.domain.amount.repeats import Again, Reminder
from services.notifier.domain.letter import Tokens
from services.notifier.domain.message import Mail
from services.notifier.domain.notification import Consignment, Notification
from services.notifier.gateway.press import Press
from services.notifier.handlers.scribe import Scribe
from tests.reading_ease import reading_ease
from tests.unit.notifier.builders import (
    HOUSE,
    NOW,
    TOKENS,
    advisory,
    consignment,
    incident,
    notification,
    recipient,
    target,
)

SCRIBE = Scribe(house=HOUSE, press=Press(), links=Links(b"key of the tests"))
FIRST = msgspec.structs.replace(
    notification(sent_at=NOW - timedelta(days=30)), id=derived_id("first"), reference="TOC-0123456789"
)
languages = pytest.mark.parametrize("language", list(Language))


def reminding(again: Again = Again.STILL_THERE, *, mails: int = 1, language: Language = Language.DUTCH) -> Consignment:
    reminder = Reminder(first=FIRST.id, first_at=NOW - timedelta(days=30), mails=mails, again=again)
    about = msgspec.structs.replace(notification(to=recipient(language=language)), reminder=reminder)
    return msgspec.structs.replace(consignment(about=about), original=FIRST)


def tokens_of(about: Notification) -> Tokens:
    return msgspec.structs.replace(TOKENS, recipient=f"{TOKENS.recipient}-{about.reference}")


def written(of: Consignment) -> tuple[EmailMessage, str]:
    mail: Mail = SCRIBE.compose(of, tokens=tokens_of, now=NOW)
    message = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return message, body.get_content().replace("\r\n", "\n")


def test_a_reminder_says_so_first_and_belongs_to_the_first_mail() -> None:
    message, text = written(reminding(mails=2))

    assert str(message["Subject"]).startswith("Herinnering: Beveiligingsmelding voor Bakkerij Jansen")
    assert message["In-Reply-To"] == message["References"] == f"<{FIRST.id}@tocsin.example>"
    first, second = text.split("\n\n")[:2]
    assert first == "Beste Bakkerij Jansen,"
    assert " ".join(second.split()) == (
        "Dit is een herinnering. Wij schreven u hierover voor het eerst op 30 jan 2026 (kenmerk TOC-0123456789) "
        "en in totaal 2 keer, en het is opnieuw gezien."
    )


def test_a_first_mail_that_went_with_others_is_answered_under_their_name() -> None:
    together = msgspec.structs.replace(FIRST, mail_id=derived_id("mail"))
    message, _ = written(msgspec.structs.replace(reminding(), original=together))

    assert message["In-Reply-To"] == f"<{derived_id('mail')}@tocsin.example>"


@languages
@pytest.mark.parametrize("again", list(Again))
@pytest.mark.parametrize("mails", [1, 3])
def test_each_reminder_says_since_when_and_how_often_we_wrote(language: Language, again: Again, mails: int) -> None:
    message, text = written(reminding(again, mails=mails, language=language))

    said = " ".join(text.split())
    assert "2026" in said
    assert FIRST.reference in said
    assert ("3 " in said.partition(FIRST.reference)[2][:60]) == (mails == 3)
    html = message.get_body(("html",))
    assert html is not None
    assert FIRST.reference in html.get_content()


def test_whoever_has_not_got_the_first_mail_is_not_reminded_of_it() -> None:
    unsent = msgspec.structs.replace(FIRST, sent_at=None)
    message, text = written(msgspec.structs.replace(reminding(), original=unsent))

    assert "Herinnering" not in message["Subject"]
    assert message["In-Reply-To"] is None
    assert "herinnering" not in text


def together(
    *, language: Language = Language.DUTCH, kind: RecipientKind = RecipientKind.ORGANISATION, places: int = 1
) -> Consignment:
    """Two notifications to one recipient."""
    to = recipient(language=language, kind=kind)
    parts = []
    for slug, title in (("open-smb", "Uw mappen staan open"), ("open-rdp", "Uw scherm is van buiten te bereiken")):
        identity = derived_id("notification", slug)
        about = msgspec.structs.replace(
            notification(to=to, severity=Severity.LOW),
            id=identity,
            reference=reference_of(identity, b"key of the tests"),
            incident=slug,
            mail_id=derived_id("notification", "open-smb"),
        )
        found = [target(to=to, asset=Asset(ip=f"192.0.2.{place + 1}", port=445)) for place in range(places)]
        parts.append(consignment(*found, about=about, of=incident(slug=slug, told=advisory(title=title))))
    return msgspec.structs.replace(parts[0], companions=(parts[1],))


def test_a_round_up_tells_of_each_incident_under_its_own_reference() -> None:
    both = together()
    message, text = written(both)

    assert str(message["Subject"]) == (
        f"Beveiligingsmeldingen voor Bakkerij Jansen: 2 punten om na te kijken [{both.notification.reference}]"
    )
    assert message["Message-ID"] == f"<{both.notification.id}@tocsin.example>"
    assert message["X-Tocsin-Reference"] == both.notification.reference
    html = message.get_body(("html",))
    assert html is not None
    for said in (text, html.get_content()):
        for part in both.parts:
            assert part.notification.reference in said
        assert "Uw mappen staan open" in said
        assert "Uw scherm is van buiten te bereiken" in said
        assert said.count("Sluit poort 445.") == 2


def test_a_round_up_that_is_the_first_mail_to_a_recipient_says_who_we_are() -> None:
    both = together()
    first = msgspec.structs.replace(both.companions[0].notification, is_first_to_recipient=True)
    companion = msgspec.structs.replace(both.companions[0], notification=first)
    message, text = written(msgspec.structs.replace(both, companions=(companion,)))
    html = message.get_body(("html",))

    assert html is not None
    for said in (text, html.get_content()):
        assert "Dit is onze eerste e-mail aan u." in " ".join(said.split())
    assert "onze eerste e-mail" not in " ".join(written(both)[1].split())


def test_each_point_of_a_round_up_has_a_page_of_its_own() -> None:
    _, text = written(together())
    pages = [line for line in text.splitlines() if line.startswith("https://tocsin.example/r/")]
    assert len(set(pages)) == 2


@languages
@pytest.mark.parametrize("kind", [RecipientKind.ORGANISATION, RecipientKind.NETWORK_OWNER], ids=str)
def test_every_round_up_is_complete(language: Language, kind: RecipientKind) -> None:
    message, text = written(together(language=language, kind=kind, places=12))

    for gap in ("{", "}", "None", "\n\n\n"):
        assert gap not in text
    files = [part.get_filename() for part in message.iter_attachments()]
    assert len(set(files)) == len(files) == (2 if kind is RecipientKind.ORGANISATION else 4)


def test_a_round_up_is_easy_to_read() -> None:
    _, text = written(together())
    assert reading_ease(text.partition("\n--")[0], Language.DUTCH) >= 50


def test_nothing_of_others_becomes_markup() -> None:
    hostile = msgspec.structs.replace(
        together(), companions=(consignment(of=incident(told=advisory(title="<b>bold</b> & more"))),)
    )
    message, _ = written(hostile)
    html = message.get_body(("html",))
    assert html is not None
    assert "<b>bold" not in html.get_content()


def test_a_reminder_within_a_round_up_says_so_at_its_point() -> None:
    both = together()
    message, text = written(msgspec.structs.replace(both, companions=(reminding(),)))

    assert "Herinnering" not in message["Subject"]
    assert message["In-Reply-To"] is None
    assert "Dit is een herinnering." in text
