"""A verdict says that its threat had been closed before."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "verdicts",
        sa.Column("reopened", sa.Text, comment="JSON: when and why the threat had been closed that is news again"),
    )
