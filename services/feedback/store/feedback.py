"""What came back: anonymous ratings, answers of recipients, and both as one list."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, cast, func, literal, null, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as UUID_COLUMN
from sqlalchemy.types import SmallInteger, Text

from libs.common.db import Transaction
from libs.common.vocabulary import FeedbackKind
from services.feedback.domain.answer import Answer
from services.feedback.domain.feedback import Feedback, Place
from services.feedback.domain.rating import Rating
from services.feedback.domain.statistics import RatingSum
from services.feedback.store.tables import answers, notifications, ratings


async def add_rating(tx: Transaction, rating: Rating) -> bool:
    """Keep a rating; False if its token was used before, and then the first stays."""
    statement = insert(ratings).values(feedback_id=rating.feedback_id, **msgspec.structs.asdict(rating))
    added = await tx.execute(statement.on_conflict_do_nothing().returning(ratings.c.feedback_id))
    return added.first() is not None


async def is_rated(tx: Transaction, nonce_hash: bytes) -> bool:
    """Whether this token was used."""
    found = await tx.execute(select(ratings.c.feedback_id).where(ratings.c.nonce_hash == nonce_hash))
    return found.first() is not None


async def rating_sums(tx: Transaction) -> Sequence[RatingSum]:
    """All ratings, added up for each incident."""
    rows = await tx.execute(
        select(
            ratings.c.incident,
            func.count().label("ratings"),
            func.sum(ratings.c.useful).label("useful"),
            func.sum(ratings.c.clear).label("clear"),
        ).group_by(ratings.c.incident)
    )
    return [RatingSum(incident=row.incident, count=row.ratings, useful=row.useful, clear=row.clear) for row in rows]


async def add_answer(tx: Transaction, answer: Answer) -> bool:
    """Keep an answer; False if the same one was given before, and then the first stays."""
    values = {
        **msgspec.structs.asdict(answer),
        "feedback_id": answer.feedback_id,
        "kind": answer.kind.value,
        "threat_ids": list(answer.threat_ids),
    }
    statement = insert(answers).values(values).on_conflict_do_nothing().returning(answers.c.feedback_id)
    added = await tx.execute(statement)
    return added.first() is not None


async def answers_to(tx: Transaction, notification_id: UUID) -> Sequence[Answer]:
    """What was answered to a notification, oldest first."""
    rows = await tx.execute(
        select(answers).where(answers.c.notification_id == notification_id).order_by(answers.c.answered_at)
    )
    return [
        Answer(
            notification_id=row.notification_id,
            kind=FeedbackKind(row.kind),
            incident=row.incident,
            answered_at=row.answered_at,
            text=row.text,
            threat_ids=tuple(row.threat_ids),
        )
        for row in rows
    ]


async def feedback(
    tx: Transaction,
    *,
    kind: FeedbackKind | None,
    incident: str | None,
    is_test: bool,
    before: Place | None,
    limit: int,
) -> Sequence[Feedback]:
    """Ratings and answers, newest first, before a place in that order. A test is not rated."""
    given = _ratings_as_feedback(incident=incident, before=before).limit(limit)
    said = _answers_as_feedback(kind=kind, incident=incident, is_test=is_test, before=before).limit(limit)
    wanted = [said] if is_test or kind not in (None, FeedbackKind.RATING) else [given] if kind else [given, said]
    both = union_all(*(part.subquery().select() for part in wanted)).subquery()
    rows = await tx.execute(select(both).order_by(both.c.at.desc(), both.c.feedback_id.desc()).limit(limit))
    return [
        Feedback(
            feedback_id=row.feedback_id,
            kind=FeedbackKind(row.kind),
            incident=row.incident,
            at=row.at,
            useful=row.useful,
            clear=row.clear,
            text=row.text,
            notification_id=row.notification_id,
            reference=row.reference,
            threat_ids=tuple(row.threat_ids),
        )
        for row in rows
    ]


def _ratings_as_feedback(*, incident: str | None, before: Place | None) -> Select[tuple[object, ...]]:
    statement = select(
        ratings.c.feedback_id,
        literal(FeedbackKind.RATING.value).label("kind"),
        ratings.c.incident,
        ratings.c.hour.label("at"),
        ratings.c.useful,
        ratings.c.clear,
        ratings.c.text,
        cast(null(), UUID_COLUMN).label("notification_id"),
        cast(null(), Text).label("reference"),
        cast([], ARRAY(UUID_COLUMN)).label("threat_ids"),
    )
    ours = [ratings.c.incident == incident] if incident else []
    older = _before(ratings.c.hour, ratings.c.feedback_id, before)
    return statement.where(*ours, *older).order_by(ratings.c.hour.desc(), ratings.c.feedback_id.desc())


def _answers_as_feedback(
    *, kind: FeedbackKind | None, incident: str | None, is_test: bool, before: Place | None
) -> Select[tuple[object, ...]]:
    statement = select(
        answers.c.feedback_id,
        answers.c.kind,
        answers.c.incident,
        answers.c.answered_at.label("at"),
        cast(null(), SmallInteger).label("useful"),
        cast(null(), SmallInteger).label("clear"),
        answers.c.text,
        answers.c.notification_id,
        notifications.c.reference,
        answers.c.threat_ids,
    ).join_from(answers, notifications)
    ours = [answers.c.incident == incident] if incident else []
    such = [notifications.c.is_test == is_test, *([answers.c.kind == kind.value] if kind else [])]
    older = _before(answers.c.answered_at, answers.c.feedback_id, before)
    return statement.where(*ours, *such, *older).order_by(answers.c.answered_at.desc(), answers.c.feedback_id.desc())


def _before(
    at: ColumnElement[datetime], feedback_id: ColumnElement[UUID], place: Place | None
) -> list[ColumnElement[bool]]:
    return [tuple_(at, feedback_id) < tuple_(place.at, place.feedback_id)] if place else []
