"""Tokens in mails: ours are read, made-up ones are not, and a rating token knows no recipient."""

from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from libs.common.links import Links, RatingLink

LINKS = Links(b"a key for tests")
NONCE = b"twelve bytes"


def test_a_rating_token_says_the_incident_and_a_number() -> None:
    assert LINKS.read_rating_token(LINKS.rating_token("open-smb", NONCE)) == RatingLink("open-smb", NONCE)


def test_a_rating_token_of_a_test_says_that_it_is_one() -> None:
    token = LINKS.rating_token("open-smb", NONCE, is_test=True)
    assert LINKS.read_rating_token(token) == RatingLink("open-smb", NONCE, is_test=True)


def test_a_recipient_token_says_the_notification() -> None:
    number = UUID(int=7)
    assert LINKS.read_recipient_token(LINKS.recipient_token(number)) == number


def test_a_registration_token_says_the_registration() -> None:
    number = UUID(int=7)
    assert LINKS.read_registration_token(LINKS.registration_token(number)) == number
    assert LINKS.read_registration_token(LINKS.recipient_token(number)) is None


def test_one_kind_of_token_is_not_the_other() -> None:
    assert LINKS.read_recipient_token(LINKS.rating_token("abcd", NONCE)) is None
    assert LINKS.read_rating_token(LINKS.recipient_token(UUID(int=7))) is None


def test_another_key_makes_other_tokens() -> None:
    assert Links(b"another key").read_rating_token(LINKS.rating_token("open-smb", NONCE)) is None


@given(st.text(max_size=80))
def test_a_made_up_token_is_nothing(token: str) -> None:
    assert LINKS.read_rating_token(token) is None
    assert LINKS.read_recipient_token(token) is None


@given(st.integers(0, 200), st.characters(codec="ascii"))
@example(34, "+")
def test_a_changed_token_is_nothing(place: int, character: str) -> None:
    token = LINKS.recipient_token(UUID(int=7))
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    assert (LINKS.read_recipient_token(changed) is None) == (changed != token)
