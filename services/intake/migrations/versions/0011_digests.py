"""Digests: how often and in which language a partner is mailed the fates of its records, and the periods that are done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partners", sa.Column("digest", sa.Text, nullable=False, server_default="none"))
    op.add_column("partners", sa.Column("digest_language", sa.Text, nullable=False, server_default="en"))
    op.add_column(
        "partners",
        sa.Column(
            "digest_due_at",
            sa.DateTime(timezone=True),
            comment="when a period of theirs ends; null: they want no digest",
        ),
    )
    # Without a default at first: what is there already was kept before, and need not be written anew.
    op.add_column("submissions", sa.Column("kept_at", sa.DateTime(timezone=True)))
    op.alter_column("submissions", "kept_at", server_default=sa.text("clock_timestamp()"))
    op.create_table(
        "digests",
        sa.Column("partner_id", UUID, sa.ForeignKey("partners.id"), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest_id", UUID, comment="null: there was nothing to tell"),
        sa.Column("open_submissions", sa.Text, comment="JSON, of the newest: how those stood that may still change"),
    )
