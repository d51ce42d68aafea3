"""What partners try out is told from what is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notifications", sa.Column("is_test", sa.Boolean, nullable=False, server_default="false"))
