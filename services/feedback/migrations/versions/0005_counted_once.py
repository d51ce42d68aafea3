"""A reference is counted once, also by two replicas that hear of two of its mails at the same moment."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty: what was noted before is seen by its notification. So it is with what an older replica notes."""
    op.create_table("counted_references", sa.Column("reference", sa.Text, primary_key=True))
