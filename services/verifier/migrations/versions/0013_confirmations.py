"""What is held counts for others, and is judged anew once somebody else has found the same."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "verdicts_held_of_threat",
        "verdicts",
        ["threat_id", "partner", sa.text("judged_at DESC"), sa.text("indicator_id DESC")],
        postgresql_where=sa.text("outcome = 'held' AND NOT is_test AND reason IN ('confidence', 'incident')"),
    )
    op.add_column(
        "threats",
        sa.Column(
            "is_doubted",
            sa.Boolean,
            nullable=False,
            server_default="false",
            comment="all who found it would be held alone",
        ),
    )
    op.create_table(
        "confirmations",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("threat_id", sa.UUID, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("after", sa.UUID, nullable=False, comment="the last of its held records that was judged anew"),
    )
