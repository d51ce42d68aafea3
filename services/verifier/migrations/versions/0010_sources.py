"""Who has found a threat, which may be somebody else than the partners who passed it on."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "threats",
        sa.Column(
            "sources",
            sa.ARRAY(sa.Text),
            nullable=False,
            server_default="{}",
            comment="who found it; empty: its partners",
        ),
    )
