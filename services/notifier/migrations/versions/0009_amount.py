"""How many mails: what is known of a recipient when one is planned."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "notifications",
        sa.Column(
            "is_first_to_recipient",
            sa.Boolean,
            nullable=False,
            server_default="false",
            comment="nothing has gone there before, as far as is known until it goes",
        ),
    )
    _let_notifications_wait()
    _count_mails()
    op.add_column("suppressions", sa.Column("until", TIME, comment="it ends then; none: when somebody ends it"))
    op.add_column("suppressions", sa.Column("ended_at", TIME, comment="when somebody did"))
    op.add_column("suppressions", sa.Column("ended_by", sa.Text))


def _let_notifications_wait() -> None:
    for column in (
        sa.Column(
            "wait",
            sa.Text,
            nullable=False,
            server_default="",
            comment="what it waits for, as a code",
        ),
        sa.Column("held_since", TIME, comment="since when it waits for a day with room for it"),
        sa.Column("let_go_at", TIME, comment="when neither the hour nor an amount held it back any more"),
        sa.Column("mail_id", sa.UUID, comment="of several that went in one mail: the one that it is named after"),
        sa.Column("reminder", sa.LargeBinary, comment="of one that tells of nothing new: the Reminder"),
    ):
        op.add_column("notifications", column)
    op.create_index(
        "notifications_of_mail", "notifications", ["mail_id"], postgresql_where=sa.text("mail_id IS NOT NULL")
    )
    # What was tried before there were amounts goes on being tried.
    op.execute("UPDATE notifications SET let_go_at = queued_at WHERE tries > 0 AND state IN ('deferred', 'in-doubt')")


def _count_mails() -> None:
    op.create_table(
        "daily_mails",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("mails", sa.Integer, nullable=False),
        postgresql_with={"fillfactor": 50},
    )
