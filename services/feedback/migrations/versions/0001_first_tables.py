"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_outbox()
    _create_notifications()
    _create_counters()
    _create_feedback()


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("events", sa.LargeBinary, nullable=False, comment="JSON values, one a line"),
        sa.Column("refused_at", sa.DateTime(timezone=True), comment="set aside: what is in it can't leave"),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", UUID, primary_key=True),
        sa.Column("reference", sa.Text, nullable=False, unique=True),
        sa.Column("recipient_key", sa.Text, nullable=False),
        sa.Column("recipient_kind", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("targets", JSONB, nullable=False),
        sa.Column("traceparent", sa.Text, nullable=False),
    )


def _create_counters() -> None:
    op.create_table(
        "tallies",
        sa.Column("month", sa.Date, primary_key=True),
        sa.Column("incident", sa.Text, primary_key=True),
        sa.Column("category", sa.Text, primary_key=True),
        sa.Column("recipient_kind", sa.Text, primary_key=True),
        sa.Column("notifications", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "incidents",
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("titles", JSONB, nullable=False),
    )


def _create_feedback() -> None:
    op.create_table(
        "ratings",
        sa.Column("feedback_id", UUID, primary_key=True),
        sa.Column("nonce_hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("useful", sa.SmallInteger, nullable=False),
        sa.Column("clear", sa.SmallInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("ratings_by_time", "ratings", ["hour", "feedback_id"])
    op.create_table(
        "answers",
        sa.Column("feedback_id", UUID, primary_key=True),
        sa.Column("notification_id", UUID, sa.ForeignKey("notifications.notification_id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("threat_ids", ARRAY(UUID), nullable=False),
    )
    op.create_index("ix_answers_notification_id", "answers", ["notification_id"])
    op.create_index("answers_by_time", "answers", ["answered_at", "feedback_id"])
