"""Mails of a dry run have come to their end, as sent and failed ones have."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("notifications_open", "notifications")
    op.create_index(
        "notifications_open",
        "notifications",
        ["state", "created_at"],
        postgresql_where=sa.text("state NOT IN ('sent', 'failed', 'cancelled', 'bounced', 'rehearsed')"),
    )
