"""A threat knows how bad the worst was that was told of it, so that what has become worse is told at once."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "threats",
        sa.Column(
            "told_urgency",
            sa.SmallInteger,
            comment="the worst severity told since it was last opened; 0 is critical",
        ),
    )
