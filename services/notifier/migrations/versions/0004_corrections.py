"""What was withdrawn, and the corrections that say so."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notifications", sa.Column("kind", sa.Text, nullable=False, server_default="warning"))
    op.add_column(
        "notifications", sa.Column("corrects", sa.UUID, comment="of a correction: the notification that was wrong")
    )
    op.add_column(
        "targets",
        sa.Column(
            "left_out_at",
            sa.DateTime(timezone=True),
            comment="withdrawn, after its outcome was said: not in further copies of its mail",
        ),
    )
    _index_planned()
    _create_withdrawals()
    _create_corrections()


def _index_planned() -> None:
    op.drop_index("notifications_planned", "notifications")
    op.create_index(
        "notifications_planned",
        "notifications",
        [sa.text("((recipient_key || ' ') || incident)")],
        unique=True,
        postgresql_where=sa.text("state = 'planned' AND kind = 'warning'"),
    )
    op.create_index(
        "notifications_correcting",
        "notifications",
        ["corrects"],
        unique=True,
        postgresql_where=sa.text("state = 'planned' AND kind = 'correction'"),
    )


def _create_withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("threat_id", sa.UUID, primary_key=True),
        sa.Column("withdrawal_id", sa.UUID, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("corrects", sa.Boolean, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), nullable=False, comment="it is about what had been received until then"
        ),
    )


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("original_id", sa.UUID, primary_key=True),
        sa.Column("threat_id", sa.UUID, primary_key=True),
        sa.Column("correction_id", sa.UUID, nullable=False, comment="the notification that says so"),
        sa.Column("withdrawal_id", sa.UUID, nullable=False),
    )
    op.create_index("corrections_of_notification", "corrections", ["correction_id"])
