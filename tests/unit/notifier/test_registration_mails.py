"""What an organisation that registers by itself reads, in each language; and what is still to be told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest

from libs.common.contracts import ClaimedAsset, FollowedAsset, RegistrationFollowed, RegistrationToConfirm
from libs.common.ids import derived_id
from libs.common.links import Links
from libs.common.vocabulary import AssetKind, ClaimState, Language
from services.notifier.domain.digests.digest import RegistrationMail, RegistrationNews
from services.notifier.domain.message import Printed
from services.notifier.domain.notification import State
from services.notifier.domain.planning import Suppression, SuppressionReason
from services.notifier.domain.registrations.following import silences_a_question, still_to_tell
from services.notifier.domain.registrations.letters import (
    MOST_ASSETS,
    ORDER,
    TO_DO,
    ConfirmLetter,
    NewsLetter,
    confirm_letter_of,
    news_letter_of,
)
from services.notifier.gateway.press import Press
from services.notifier.handlers.scribe import Scribe
from tests.reading_ease import reading_ease
from tests.unit.notifier.builders import HOUSE, NOW

PRESS = Press()
LINKS = Links(b"key of the tests")
GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 3, 2, 5, tzinfo=UTC)
REGISTRATION = derived_id("registration", "test")
URL = f"{HOUSE.public_url}/register/page-of-the-bakery"

DOMAIN, SHOP, RANGE, SIX, NETWORK = "bakery.example", "brood.example", "192.0.2.64/28", "2001:db8:8::/48", "AS64500"

ASKED = RegistrationToConfirm(
    registration_id=REGISTRATION,
    organisation="Bakkerij Jansen",
    email="info@bakery.example",
    language=Language.DUTCH,
    assets=(
        ClaimedAsset(kind=AssetKind.DOMAIN, value=DOMAIN),
        ClaimedAsset(kind=AssetKind.DOMAIN, value=SHOP),
        ClaimedAsset(kind=AssetKind.IP_RANGE, value=RANGE),
        ClaimedAsset(kind=AssetKind.ASN, value=NETWORK),
    ),
    asked_at=AT,
    expires_at=AT + timedelta(days=7),
)


def followed_asset(value: str, state: ClaimState, kind: AssetKind = AssetKind.DOMAIN, **more: object) -> FollowedAsset:
    return msgspec.structs.replace(FollowedAsset(kind=kind, value=value, state=state), **more)


def record_wanted(value: str) -> FollowedAsset:
    return followed_asset(
        value,
        ClaimState.RECORD_WANTED,
        record_name=f"_tocsin-challenge.{value}",
        record_value=f"tocsin-proof={derived_id('challenge', value).hex}",
        until=AT + timedelta(days=30),
    )


FOLLOWED = RegistrationFollowed(
    registration_id=REGISTRATION,
    revision=1,
    answers=1,
    organisation_id=derived_id("organisation", "test"),
    organisation="Bakkerij Jansen",
    email="info@bakery.example",
    language=Language.DUTCH,
    assets=(
        record_wanted(DOMAIN),
        record_wanted(SHOP),
        followed_asset(
            RANGE,
            ClaimState.CONTACT_ASKED,
            AssetKind.IP_RANGE,
            contact="abuse@provider.example",
            until=AT + timedelta(days=7),
        ),
        followed_asset(NETWORK, ClaimState.NO_CONTACT, AssetKind.ASN),
    ),
    at=AT,
    news=(DOMAIN, SHOP, RANGE, NETWORK),
)

LATER_NEWS = msgspec.structs.replace(
    FOLLOWED,
    revision=5,
    assets=(
        followed_asset(DOMAIN, ClaimState.PROVEN, until=AT + timedelta(days=365)),
        followed_asset(SHOP, ClaimState.LAPSED),
        followed_asset(RANGE, ClaimState.REFUSED, AssetKind.IP_RANGE),
        followed_asset(SIX, ClaimState.CONTESTED, AssetKind.IP_RANGE),
        followed_asset(NETWORK, ClaimState.NO_CONTACT, AssetKind.ASN),
    ),
    news=(DOMAIN, SHOP, RANGE, SIX),
)


def ask(asked: RegistrationToConfirm) -> tuple[ConfirmLetter, Printed]:
    words, common = PRESS.registration_words(asked.language), PRESS.words(asked.language)
    letter = confirm_letter_of(asked, url=URL, words=words, common=common, house=HOUSE)
    return letter, PRESS.print_confirmation(letter)


def tell(followed: RegistrationFollowed) -> tuple[NewsLetter, Printed]:
    words, common = PRESS.registration_words(followed.language), PRESS.words(followed.language)
    letter = news_letter_of(followed, url=URL, words=words, common=common, house=HOUSE)
    return letter, PRESS.print_registration_news(letter)


def in_state(state: ClaimState, *values: str) -> RegistrationFollowed:
    return msgspec.structs.replace(
        FOLLOWED, assets=tuple(followed_asset(value, state) for value in values), news=tuple(values)
    )


@pytest.mark.parametrize("language", list(Language))
def test_the_question_reads_as_somebody_has_read_it(language: Language) -> None:
    """A changed word is read again by a person, who then changes the golden file."""
    letter, printed = ask(msgspec.structs.replace(ASKED, language=language))
    told = f"Subject: {letter.subject}\n\n{printed.text}\n"
    assert told == (GOLDEN / f"registration.confirm.{language}.txt").read_text()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("name", "followed"), [("to-do", FOLLOWED), ("news", LATER_NEWS)])
def test_news_reads_as_somebody_has_read_it(language: Language, name: str, followed: RegistrationFollowed) -> None:
    letter, printed = tell(msgspec.structs.replace(followed, language=language))
    told = f"Subject: {letter.subject}\n\n{printed.text}\n"
    assert told == (GOLDEN / f"registration.{name}.{language}.txt").read_text()


@pytest.mark.parametrize("language", list(Language))
def test_the_question_is_complete_and_easy_to_read(language: Language) -> None:
    letter, printed = ask(msgspec.structs.replace(ASKED, language=language))
    for part in (letter.subject, printed.text, printed.html.partition("</style>")[2]):
        assert "{" not in part
        assert "None" not in part
    for part in (printed.text, printed.html):
        for told in (URL, "Bakkerij Jansen", "bakery[.]example", "192[.]0[.]2[.]64/28", NETWORK, HOUSE.home_address):
            assert told in part
    words = letter.words.confirm
    prose = (words.introduction, words.who_we_are, words.right, words.secret, words.next, words.wrong)
    assert reading_ease(" ".join(letter.say(sentence) for sentence in prose), language) >= 60


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("state", list(ClaimState))
@pytest.mark.parametrize("values", [(DOMAIN,), (DOMAIN, SHOP)], ids=["one", "two"])
def test_news_of_every_state_is_complete_and_easy_to_read(
    language: Language, state: ClaimState, values: Sequence[str]
) -> None:
    letter, printed = tell(msgspec.structs.replace(in_state(state, *values), language=language))
    for part in (letter.subject, printed.text, printed.html.partition("</style>")[2]):
        assert "{" not in part
        assert "None" not in part
    for part in (printed.text, printed.html):
        assert URL in part
        assert all(value.replace(".", "[.]") in part for value in values)
    assert ("bakery[.]example" in letter.subject) == (len(values) == 1)
    assert letter.words.states[state].text.split()[0] in printed.text
    assert (letter.words.news.next_heading in printed.html) == (state in TO_DO)
    news = letter.words.news
    prose = (news.to_do, letter.words.states[state].text, news.next, news.page)
    assert reading_ease(" ".join(letter.say(sentence) for sentence in prose), language) >= 60


def test_all_states_have_their_place_and_what_has_to_be_done_comes_first() -> None:
    assert set(ORDER) == set(ClaimState)
    assert ORDER[0] is ClaimState.RECORD_WANTED
    letter, _ = tell(msgspec.structs.replace(FOLLOWED, assets=FOLLOWED.assets[::-1]))
    assert [len(section.assets) for section in letter.sections] == [2, 1, 1]


def test_a_record_can_be_copied_as_it_is_and_who_was_asked_is_told() -> None:
    _, printed = tell(FOLLOWED)
    lines = [line.strip() for line in printed.text.splitlines()]
    for asset in FOLLOWED.assets[:2]:
        assert asset.record_name in lines
        assert asset.record_value in lines
        assert f">{asset.record_name}<" in printed.html
        assert f">{asset.record_value}<" in printed.html
    assert "abuse[@]provider[.]example" in printed.text


def test_only_what_is_news_is_told() -> None:
    _, printed = tell(msgspec.structs.replace(FOLLOWED, news=(RANGE,)))
    assert "192[.]0[.]2[.]64/28" in printed.text
    for other in ("bakery[.]example", "_tocsin-challenge", NETWORK):
        assert other not in printed.text


@pytest.mark.parametrize("email", ["info@bakery.example", "victim@other.example"])
def test_what_somebody_types_in_can_neither_link_nor_break_out_nor_stand_in_the_subject(email: str) -> None:
    evil = "https://evil.example/ <b>\r\nBcc: x@y.example\u202e won a prize"
    letter, printed = ask(msgspec.structs.replace(ASKED, organisation=evil, email=email))
    for part in (letter.subject, printed.text, printed.html):
        assert "https://evil" not in part
        assert "evil.example" not in part
    assert "<b>" not in printed.html
    assert letter.subject == "Hebt u zich bij Tocsin aangemeld?"
    told, printed = tell(msgspec.structs.replace(FOLLOWED, organisation=evil))
    assert "evil.example" not in printed.text + printed.html + told.subject


def test_a_mail_names_so_many_assets_and_says_that_there_are_more() -> None:
    values = tuple(f"a{number}.example" for number in range(MOST_ASSETS + 2))
    asked, question = ask(
        msgspec.structs.replace(
            ASKED, assets=tuple(ClaimedAsset(kind=AssetKind.DOMAIN, value=value) for value in values)
        )
    )
    told, news = tell(in_state(ClaimState.PROVEN, *values))
    for printed in (question, news):
        assert printed.text.count("[.]example") >= MOST_ASSETS
        assert f"a{MOST_ASSETS}[.]example" not in printed.text
        assert "Er zijn er nog 2." in printed.text
        assert len(printed.html.encode()) < 100_000
    assert "42" in told.subject
    assert asked.more


def question(asked: RegistrationToConfirm = ASKED, *, doubts: int = 0) -> RegistrationMail:
    return RegistrationMail(
        id=asked.event_id,
        asked=asked,
        state=State.SENDING,
        reason="",
        created_at=NOW,
        next_attempt_at=NOW,
        sent_at=None,
        subject=None,
        tries=1,
        doubts=doubts,
    )


def news(followed: RegistrationFollowed = FOLLOWED, *, state: State = State.QUEUED) -> RegistrationNews:
    return RegistrationNews(
        id=followed.event_id,
        followed=followed,
        state=state,
        reason="",
        created_at=NOW,
        next_attempt_at=NOW,
        sent_at=None,
        subject=None,
        tries=0,
        doubts=0,
    )


@pytest.mark.parametrize("doubts", [0, 1])
def test_the_link_leads_to_the_page_of_that_registration_and_a_second_copy_is_marked(doubts: int) -> None:
    scribe = Scribe(house=HOUSE, press=PRESS, links=LINKS)
    for mail in (question(doubts=doubts), msgspec.structs.replace(news(), doubts=doubts)):
        made = scribe.write_beside(mail, now=NOW)
        parsed = message_from_bytes(made.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        assert (made.sender, made.recipient) == (HOUSE.envelope_sender, "info@bakery.example")
        assert parsed["Message-ID"] == f"<{mail.id}@{HOUSE.mail_domain}>"
        assert (parsed["Auto-Submitted"], parsed["X-Tocsin-Registration"]) == ("auto-generated", str(mail.id))
        assert (parsed["Reply-To"], parsed["List-Unsubscribe"]) == (f"Tocsin <{HOUSE.desk_address}>", None)
        assert parsed["X-Tocsin-Resend"] == ("in-doubt" if doubts else None)
        for form in ("plain", "html"):
            body = parsed.get_body((form,))
            assert body is not None
            _, _, rest = body.get_content().partition(f"{HOUSE.public_url}/register/")
            token = rest.split('"')[0].split()[0]
            assert LINKS.read_registration_token(token) == REGISTRATION


def followed_by(revision: int, *values: str, known: Sequence[str] = (DOMAIN, SHOP, RANGE)) -> RegistrationFollowed:
    return msgspec.structs.replace(
        FOLLOWED,
        revision=revision,
        assets=tuple(followed_asset(value, ClaimState.PROVEN) for value in known),
        news=tuple(values),
    )


def test_what_waits_is_told_as_things_stand_now_and_together() -> None:
    newest = followed_by(3)
    told = still_to_tell([news(followed_by(1, SHOP)), news(followed_by(2, DOMAIN))], newest, gone=[])
    assert told == msgspec.structs.replace(newest, news=(DOMAIN, SHOP))


def test_what_was_taken_back_or_told_since_is_not_told() -> None:
    first = news(followed_by(1, DOMAIN, SHOP, RANGE))
    gone = news(followed_by(2, SHOP), state=State.SENT)
    told = still_to_tell([first], followed_by(3, known=(DOMAIN, SHOP)), gone=[gone])
    assert told is not None
    assert told.news == (DOMAIN,)
    assert still_to_tell([first], followed_by(3, known=()), gone=[]) is None


def test_what_was_told_once_is_told_again_where_it_is_news_again() -> None:
    gone = news(followed_by(2, DOMAIN), state=State.SENT)
    told = still_to_tell(
        [news(followed_by(1, DOMAIN, SHOP)), news(followed_by(3, DOMAIN))], followed_by(3), gone=[gone]
    )
    assert told is not None
    assert told.news == (DOMAIN, SHOP)


@pytest.mark.parametrize(
    ("value", "reason", "silences"),
    [
        ("info@bakery.example", SuppressionReason.OPT_OUT, False),
        ("info@bakery.example", SuppressionReason.COMPLAINT, False),
        ("info@bakery.example", SuppressionReason.OPERATOR, True),
        ("info@bakery.example", SuppressionReason.UNDELIVERABLE, True),
        ("info@bakery.example", SuppressionReason.BOUNCED, True),
        ("bakery.example", SuppressionReason.OPT_OUT, True),
    ],
)
def test_who_wanted_no_warnings_is_asked_still(value: str, reason: SuppressionReason, silences: bool) -> None:
    assert silences_a_question(Suppression(value=value, reason=reason), "info@bakery.example") == silences
