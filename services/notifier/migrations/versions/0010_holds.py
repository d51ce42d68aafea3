"""Mails wait for a person: the first wave of a new incident, unusual volume; and who has decided what about them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
WAITING = "state IN ('queued', 'deferred', 'in-doubt')"


def upgrade() -> None:
    _mark_notifications()
    _create_holds()
    _create_volumes()
    _create_answers()
    _create_decisions()


def _mark_notifications() -> None:
    for name, comment in (
        ("is_sample", "goes with a first wave"),
        ("is_held", "out of the sender's sight, for a hold"),
    ):
        op.add_column(
            "notifications", sa.Column(name, sa.Boolean, nullable=False, server_default="false", comment=comment)
        )
    op.drop_index("notifications_to_send", "notifications")
    op.create_index(
        "notifications_to_send",
        "notifications",
        ["urgency", "next_attempt_at"],
        postgresql_where=sa.text(f"{WAITING} AND NOT is_held"),
    )
    op.create_index(
        "notifications_held", "notifications", ["incident"], postgresql_where=sa.text(f"{WAITING} AND is_held")
    )
    op.create_index("notifications_sampled", "notifications", ["incident"], postgresql_where=sa.text("is_sample"))


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.UUID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("waits_since", TIME, comment="when the first mail was kept back"),
        sa.Column("asked_by", sa.Text),
        sa.Column("asked_at", TIME),
        sa.Column("ended_by", sa.Text),
        sa.Column("ended_at", TIME),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("released_mails", sa.Integer),
        sa.Column("released_records", sa.Integer),
    )
    op.create_index(
        "holds_standing",
        "holds",
        ["scope", "value", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'standing'"),
    )
    op.create_index("holds_of", "holds", ["scope", "value", "since"])
    op.create_index("holds_newest", "holds", ["since", "id"])


def _create_volumes() -> None:
    """With what there is of the last weeks, so that the first day is not without a history."""
    op.create_table(
        "volumes",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("writer", sa.SmallInteger, primary_key=True),
        sa.Column("mails", sa.Integer, nullable=False),
        sa.Column("records", sa.Integer, nullable=False),
    )
    op.execute(
        """
        INSERT INTO volumes (day, scope, value, writer, mails, records)
        SELECT (n.created_at AT TIME ZONE 'UTC')::date, of.scope, of.value, 0, count(*), sum(n.targets_total)
        FROM notifications n CROSS JOIN LATERAL (
            SELECT 'incident' AS scope, n.incident AS value UNION ALL SELECT 'partner', unnest(n.partners)
        ) AS of
        WHERE n.kind = 'warning' AND NOT n.is_test AND n.created_at > now() - interval '28 days' GROUP BY 1, 2, 3
        """
    )


def _create_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("feedback_id", sa.UUID, primary_key=True),
        sa.Column("incident", sa.Text, nullable=False),
        sa.Column("notification_id", sa.UUID, comment="none of a rating, which nobody can trace"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("useful", sa.SmallInteger),
        sa.Column("clear", sa.SmallInteger),
        sa.Column("at", TIME, nullable=False),
    )
    op.create_index("answers_of_incident", "answers", ["incident", "at"])


def _create_decisions() -> None:
    op.create_table(
        "brake_decisions",
        sa.Column("id", sa.UUID, primary_key=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("hold_id", sa.UUID),
        sa.Column("mails", sa.Integer, comment="the amount that was seen"),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("is_open", sa.Boolean, nullable=False, server_default="false"),
    )
    op.create_index("brake_decisions_newest", "brake_decisions", ["at", "id"])
    op.create_index("brake_decisions_open", "brake_decisions", ["at"], postgresql_where=sa.text("is_open"))
