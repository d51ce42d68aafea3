"""Drafts that open by themselves, with their evidence; and incidents that are merged and split."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "incidents", sa.Column("evidence", sa.Text, comment="JSON: why it was opened, where no person opened it")
    )
    op.create_index(
        "verdicts_held_of_incident",
        "verdicts",
        ["incident", "judged_at", "indicator_id"],
        postgresql_where=sa.text("outcome = 'held' AND NOT is_test"),
    )
    op.create_table(
        "incident_moves",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("threats_after", sa.UUID, comment="how far the threats have got; null: all have moved"),
        sa.Column("held_after_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_after_id", sa.UUID, nullable=False),
    )
