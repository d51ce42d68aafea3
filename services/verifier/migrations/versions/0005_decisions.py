"""What people decide is kept with what stood before, can be taken back, and may be remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.UUID, primary_key=True),
        sa.Column("indicator_id", sa.UUID, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remembered_until", sa.DateTime(timezone=True)),
        sa.Column("before", sa.Text, nullable=False, comment="JSON: the verdict that it took the place of"),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.Column("undone_by", sa.Text),
        sa.Column("undo_note", sa.Text),
    )
    op.create_index("decisions_of_indicator", "decisions", ["indicator_id"])
    op.add_column(
        "threats",
        sa.Column("trusted_until", sa.DateTime(timezone=True), comment="until then nobody is asked about it"),
    )
    op.add_column("threats", sa.Column("trusted_by", sa.Text))
