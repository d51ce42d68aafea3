"""Ratings: anonymous, and each token counts once."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec

from libs.common.contracts import FeedbackReceived
from libs.common.ids import derived_id
from libs.common.text import plain
from libs.common.vocabulary import FeedbackKind

MARKS = range(1, 6)
TEXT_CHARACTERS = 2000


class RatingForm(msgspec.Struct, frozen=True, kw_only=True):
    """A rating page as it was filled in: everything is text, nothing is certain."""

    useful: str = ""
    clear: str = ""
    text: str = ""


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of a rating. Nothing in it leads to a person: no recipient, no address, no moment.

    `nonce_hash` makes the token count once; the number behind it stands in the recipient's mail and nowhere else.
    """

    nonce_hash: bytes
    incident: str
    hour: datetime
    useful: int
    clear: int
    text: str

    @property
    def feedback_id(self) -> UUID:
        """Derived, never time-ordered: an id of version 7 would tell the millisecond."""
        return derived_id("rating", self.nonce_hash.hex())


class Incomplete(msgspec.Struct, frozen=True):
    """What has to be filled in, or filled in differently, before a form counts: the names of its fields."""

    fields: tuple[str, ...]


def nonce_hash_of(nonce: bytes) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(nonce).digest()


def rate(form: RatingForm, *, incident: str, nonce: bytes, now: datetime) -> Rating | Incomplete:
    """Read a rating; `incident` and `nonce` are the token's.

    Its time is kept to the hour, so that no log elsewhere can be laid beside it.
    """
    useful, clear = _mark(form.useful), _mark(form.clear)
    if useful is None or clear is None:
        return Incomplete(tuple(name for name, mark in (("useful", useful), ("clear", clear)) if mark is None))
    return Rating(
        nonce_hash=nonce_hash_of(nonce),
        incident=incident,
        hour=now.replace(minute=0, second=0, microsecond=0),
        useful=useful,
        clear=clear,
        text=plain(form.text, TEXT_CHARACTERS, lines=True),
    )


def event_of_rating(rating: Rating) -> FeedbackReceived:
    """Without a trace, unlike every other event: it would lead to the request, and so to a moment and a browser."""
    return FeedbackReceived(
        feedback_id=rating.feedback_id,
        kind=FeedbackKind.RATING,
        incident=rating.incident,
        at=rating.hour,
        useful=rating.useful,
        clear=rating.clear,
        text=rating.text,
    )


def _mark(text: str) -> int | None:
    return int(text) if text in set(map(str, MARKS)) else None
