"""Organisations register by themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("registration_id", UUID, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("kvk_number", sa.Text),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("mailbox", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("assets", JSONB, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), comment="when it is forgotten; none: it stands"),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("merged_into", UUID, sa.ForeignKey("registrations.registration_id", ondelete="CASCADE")),
        sa.Column("revision", sa.Integer, nullable=False, comment="the newest that attribution was told"),
        sa.Column("changes", sa.Integer, nullable=False, comment="of the day changed_on"),
        sa.Column("changed_on", sa.Date),
        sa.Column("followed", JSONB, nullable=False, server_default="[]", comment="how far the proofs are"),
        sa.Column("followed_revision", sa.Integer, nullable=False, server_default="0"),
    )
    for column in ("mailbox", "expires_at", "merged_into"):
        op.create_index(f"ix_registrations_{column}", "registrations", [column])
    op.create_table(
        "registration_mails",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("mailbox", sa.Text, primary_key=True),
        sa.Column("mails", sa.Integer, nullable=False),
    )
