"""How a partner's own tables are read, and how that of a submission was."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("partners", "submissions"):
        op.add_column(table, sa.Column("csv_reading", JSONB, nullable=False, server_default="{}"))
