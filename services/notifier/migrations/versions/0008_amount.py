"""How many mails: what is known of a recipient when one is planned."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "notifications",
        sa.Column(
            "is_first_to_recipient",
            sa.Boolean,
            nullable=False,
            server_default="false",
            comment="nothing has gone there before, as far as is known until it goes",
        ),
    )
