"""One function for each thing that can happen: gather, decide, record."""

from services.feedback.handlers.answering import (
    Correspondence,
    Taken,
    correspondence,
    is_rated,
    list_feedback,
    note_incidents,
    note_notifications,
    public_statistics,
    take_answer,
    take_opt_out,
    take_rating,
    verify,
)
from services.feedback.handlers.incoming import list_incoming, take_mail

__all__ = [
    "Correspondence",
    "Taken",
    "correspondence",
    "is_rated",
    "list_feedback",
    "list_incoming",
    "note_incidents",
    "note_notifications",
    "public_statistics",
    "take_answer",
    "take_mail",
    "take_opt_out",
    "take_rating",
    "verify",
]
