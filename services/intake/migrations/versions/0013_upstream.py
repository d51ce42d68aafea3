"""Whose findings a partner passes on, and those of a submission."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("partners", "submissions"):
        op.add_column(
            table, sa.Column("upstream", sa.Text, comment="whose findings are passed on; null: the partner's own")
        )
