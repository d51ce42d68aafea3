"""Who is told in place of a recipient that could not be reached."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "continuation",
        sa.Column("target_id", UUID, primary_key=True, comment="the target whose recipient could not be reached"),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, comment="none: nobody is left"),
        sa.Column("concerns", sa.Text, nullable=False, comment="the organisation that a team is told of"),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
    )
