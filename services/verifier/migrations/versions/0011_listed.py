"""A verdict says whose the asset is that another team warns about."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "verdicts",
        sa.Column("listed", sa.Text, comment="JSON: whose it is, by the list of those whom another team warns"),
    )
