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
from services.feedback.handlers.registering import (
    Forgetter,
    Seen,
    add_assets,
    confirm,
    follow_registrations,
    register,
    registration_at,
    take_back,
    withdraw,
)

__all__ = [
    "Correspondence",
    "Forgetter",
    "Seen",
    "Taken",
    "add_assets",
    "confirm",
    "correspondence",
    "follow_registrations",
    "is_rated",
    "list_feedback",
    "list_incoming",
    "note_incidents",
    "note_notifications",
    "public_statistics",
    "register",
    "registration_at",
    "take_answer",
    "take_back",
    "take_mail",
    "take_opt_out",
    "take_rating",
    "verify",
    "withdraw",
]
