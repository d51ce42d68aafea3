"""Names that records have placed at addresses; an upload waits."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "name_at_address",
        sa.Column("address", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("seen_on", sa.Date(), nullable=False),
        comment="registrable domains that records have placed at an address, a bounded number of each",
    )
    op.add_column(
        "import_run", sa.Column("is_waiting", sa.Boolean(), nullable=False, server_default="false", comment="its turn")
    )
    op.create_index("name_at_address_by_age", "name_at_address", ["seen_on"])
