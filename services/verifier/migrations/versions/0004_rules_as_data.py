"""Rules are data: what is wrong of more than one asset, and files of rules."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("false_positives", "asset", nullable=True)
    op.add_column(
        "false_positives",
        sa.Column("ip_range", sa.Text, comment="this and all other conditions that are set must hold"),
    )
    for name in ("domain", "partner", "incident"):
        op.add_column("false_positives", sa.Column(name, sa.Text))
    op.create_index(
        "false_positives_anywhere", "false_positives", ["expires_at"], postgresql_where=sa.text("asset IS NULL")
    )
    op.create_table(
        "rule_files",
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False, comment="TOML, as its author wrote it"),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("put_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("put_by", sa.Text, nullable=False),
    )
    op.create_index("verdicts_by_time", "verdicts", ["judged_at"], postgresql_using="brin")
