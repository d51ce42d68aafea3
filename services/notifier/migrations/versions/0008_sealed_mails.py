"""Mails that are encrypted: what leaves is kept, and why one was not."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sealed_mails",
        sa.Column("notification_id", UUID, primary_key=True),
        sa.Column("scheme", sa.Text, comment="how it is encrypted; none: it is not"),
        sa.Column("fingerprint", sa.Text, nullable=False, server_default="", comment="of the recipient's key"),
        sa.Column("why", sa.Text, nullable=False, server_default="", comment="what was wrong with its keys"),
        sa.Column("carries", sa.LargeBinary, nullable=False, comment="a mark of what the mail tells of"),
        sa.Column("inside", sa.LargeBinary, nullable=False, comment="what leaves at each try; empty: not encrypted"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
