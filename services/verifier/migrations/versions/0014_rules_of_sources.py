"""What is wrong may be all that one rule of a source has found."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "false_positives", sa.Column("rule", sa.Text, comment="of the source: a tag, a report's type, a signature")
    )
