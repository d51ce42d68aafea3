"""What a rating is."""

from datetime import UTC, datetime

import pytest

from libs.common.vocabulary import FeedbackKind
from services.feedback.domain.rating import Incomplete, Rating, RatingForm, event_of_rating, nonce_hash_of, rate

NOW = datetime(2026, 5, 9, 10, 42, 7, 123456, tzinfo=UTC)


def rated(form: RatingForm) -> Rating | Incomplete:
    return rate(form, incident="open-smb", nonce=b"twelve bytes", now=NOW)


def test_a_rating_keeps_the_hour_and_no_finer_time() -> None:
    rating = rated(RatingForm(useful="5", clear="4"))

    assert isinstance(rating, Rating)
    assert rating.hour == datetime(2026, 5, 9, 10, tzinfo=UTC)


def test_a_rating_keeps_a_hash_of_its_token_and_not_the_token() -> None:
    rating = rated(RatingForm(useful="5", clear="4"))

    assert isinstance(rating, Rating)
    assert rating.nonce_hash == nonce_hash_of(b"twelve bytes")
    assert len(rating.nonce_hash) == 32


@pytest.mark.parametrize("mark", ["", "0", "6", "3.5", "-1", "five", "\u0665", "1 ", "1e0"])
def test_a_mark_is_a_whole_number_from_1_to_5(mark: str) -> None:
    assert rated(RatingForm(useful=mark, clear="4")) == Incomplete(("useful",))


def test_all_that_is_missing_is_said_at_once() -> None:
    assert rated(RatingForm()) == Incomplete(("useful", "clear"))


def test_the_text_is_cut_at_2000_characters_and_cleaned_of_what_can_not_be_seen() -> None:
    rating = rated(RatingForm(useful="1", clear="1", text="a\x00\u202eb\r\nc" + "x" * 5000))

    assert isinstance(rating, Rating)
    assert rating.text.startswith("ab\nc")
    assert len(rating.text) == 2000


def test_the_event_of_a_rating_names_nobody_and_has_no_trace() -> None:
    rating = rated(RatingForm(useful="5", clear="4", text="Thanks"))

    assert isinstance(rating, Rating)
    event = event_of_rating(rating)
    assert event.kind is FeedbackKind.RATING
    assert (event.notification_id, event.recipient_key, event.threat_ids, event.traceparent) == (None, None, (), "")
    assert event.at == rating.hour
    assert event.feedback_id.version == 5
