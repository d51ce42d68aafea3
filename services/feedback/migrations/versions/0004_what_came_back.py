"""Mails that came back; a reference is shared by the notifications that continue one another."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("notifications_reference_key", "notifications", type_="unique")
    op.create_index("ix_notifications_reference", "notifications", ["reference"])
    op.alter_column("notifications", "reference", comment="shared by those that continue one another")
    op.create_table(
        "incoming",
        sa.Column("return_id", UUID, primary_key=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("trust", sa.Text, nullable=False, comment="how we know which of our mails it is about"),
        sa.Column("notification_id", UUID),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False, comment="whom a bounce or complaint is about"),
        sa.Column("permanence", sa.Text),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
    )
    op.create_index("incoming_by_time", "incoming", ["received_at", "return_id"])
