"""Keys for tests, and the submissions that came by them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partner_keys", sa.Column("mails_to", sa.Text, comment="of a key for tests; null: it is none"))
    op.add_column("submissions", sa.Column("test_mails_to", sa.Text, comment="null: in earnest"))
