"""Webhooks: where partners want to be told that a submission is settled, and what is on its way to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0007"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("partner_id", UUID, sa.ForeignKey("partners.id"), primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("previous_secret", sa.LargeBinary),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True)),
        sa.Column("disabled", sa.Text, comment="why nothing is sent; null: it is"),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("succeeded_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("partner_id", UUID, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("submission_id", UUID),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("is_fresh", sa.Boolean, nullable=False, comment="nobody has begun to send it"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="when sending: the end of the lease"),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", UUID),
        sa.Column("attempted_at", sa.DateTime(timezone=True)),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
    )
    op.create_index("webhook_deliveries_of_partner", "webhook_deliveries", ["partner_id", "id"])
    op.create_index("webhook_deliveries_of_submission", "webhook_deliveries", ["submission_id", "sequence"])
    op.create_index(
        "webhook_deliveries_due",
        "webhook_deliveries",
        ["partner_id", "due_at"],
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_index(
        "webhook_deliveries_fresh",
        "webhook_deliveries",
        ["submission_id"],
        unique=True,
        postgresql_where=sa.text("is_fresh"),
    )
