"""Submissions say whether secrets were taken out of their payload."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "submissions", sa.Column("payload_redacted", sa.Boolean, nullable=False, server_default=sa.text("false"))
    )
