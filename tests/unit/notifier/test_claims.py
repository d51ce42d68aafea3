"""A claim as a registry's contact reads it: every word of it, in each language."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest

from libs.common.contracts import ClaimToConfirm
from libs.common.ids import derived_id
from libs.common.vocabulary import AssetKind, Language
from services.notifier.domain.claims.letter import ClaimLetter, claim_letter_of
from services.notifier.domain.claims.message import claim_mail_of
from services.notifier.domain.digests.digest import ClaimMail
from services.notifier.domain.message import Printed
from services.notifier.domain.notification import State
from services.notifier.gateway.press import Press
from tests.reading_ease import reading_ease
from tests.unit.notifier.builders import HOUSE, NOW

PRESS = Press()
GOLDEN = Path(__file__).parent / "golden"
ASKED = datetime(2026, 3, 2, 5, tzinfo=UTC)

CLAIM = ClaimToConfirm(
    request_id=derived_id("claim", "test"),
    organisation="Bakkerij Jansen",
    kind=AssetKind.DOMAIN,
    value="bakery.example",
    email="admin@bakery.example",
    language=Language.DUTCH,
    source="rdap-domain",
    code="7KQ2-M4XD-9RTB",
    asked_at=ASKED,
    expires_at=ASKED + timedelta(days=7),
    url="https://claims.tocsin.example/claims/abc",
)


def write(claim: ClaimToConfirm) -> tuple[ClaimLetter, Printed]:
    words, common = PRESS.claim_words(claim.language), PRESS.words(claim.language)
    letter = claim_letter_of(claim, words=words, common=common, house=HOUSE)
    return letter, PRESS.print_claim(letter)


@pytest.mark.parametrize("language", list(Language))
def test_a_claim_reads_as_somebody_has_read_it(language: Language) -> None:
    """A changed word is read again by a person, who then changes the golden file."""
    letter, printed = write(msgspec.structs.replace(CLAIM, language=language))
    told = f"Subject: {letter.subject}\n\n{printed.text}\n"
    assert told == (GOLDEN / f"claim.{language}.txt").read_text()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", list(AssetKind))
@pytest.mark.parametrize("source", ["ripe", "rdap-domain", "rdap-network", "role-mailbox", "of-tomorrow"])
@pytest.mark.parametrize("url", [CLAIM.url, ""])
def test_every_claim_is_complete_and_easy_to_read(language: Language, kind: AssetKind, source: str, url: str) -> None:
    letter, printed = write(msgspec.structs.replace(CLAIM, language=language, kind=kind, source=source, url=url))
    for part in (letter.subject, printed.text, printed.html.partition("</style>")[2]):
        assert "{" not in part
        assert "None" not in part
    for part in (printed.text, printed.html):
        assert CLAIM.code in part
        assert "bakery[.]example" in part
        assert "Bakkerij Jansen" in part
        assert (CLAIM.url in part) == bool(url)
    assert max(len(line) for line in printed.text.splitlines()) <= 78
    phrases = letter.words.phrases
    prose = (phrases.introduction, phrases.meaning, phrases.wrong, phrases.wrong_by_mail, phrases.unknown)
    assert reading_ease(" ".join(letter.say(sentence) for sentence in prose), language) >= 60


def test_what_a_claimant_calls_itself_can_neither_link_nor_break_out() -> None:
    evil = msgspec.structs.replace(CLAIM, organisation="https://evil.example/ <b>\r\nBcc: x@y.example\u202e")
    letter, printed = write(evil)
    for part in (letter.subject, printed.text, printed.html):
        assert "https://evil" not in part
        assert "evil.example" not in part
        assert "<b>" not in printed.html
    assert "\n" not in letter.subject


def test_the_mail_goes_to_the_contact_once_and_is_marked_when_it_may_be_a_second_copy() -> None:
    letter, printed = write(CLAIM)
    mail = ClaimMail(
        id=CLAIM.request_id,
        claim=CLAIM,
        state=State.QUEUED,
        reason="",
        created_at=NOW,
        next_attempt_at=NOW,
        sent_at=None,
        subject=None,
        tries=0,
        doubts=0,
    )
    for again in (False, True):
        made = claim_mail_of(mail, letter, printed, house=HOUSE, now=NOW, again=again)
        parsed = message_from_bytes(made.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        assert (made.recipient, parsed["To"]) == (
            "admin@bakery.example",
            '"admin@bakery.example" <admin@bakery.example>',
        )
        assert parsed["Message-ID"] == f"<{CLAIM.request_id}@{HOUSE.mail_domain}>"
        assert parsed["X-Tocsin-Resend"] == ("in-doubt" if again else None)
        assert parsed["List-Unsubscribe"] is None
    assert mail.without_code.code == mail.without_code.url == ""
