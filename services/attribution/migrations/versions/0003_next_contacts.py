"""Who is told in place of a recipient that could not be reached."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "continuation",
        sa.Column("target_id", UUID, primary_key=True, comment="the target whose recipient could not be reached"),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, comment="none: nobody is left"),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
    )
