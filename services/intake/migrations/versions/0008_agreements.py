"""What is agreed with a partner, keys that are bound and rotated, and what of it held for a submission."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("partners", sa.Column("allowed_formats", ARRAY(sa.Text), comment="null: all"))
    op.add_column("partners", sa.Column("allowed_networks", ARRAY(sa.Text), comment="null: all"))
    op.add_column("partners", sa.Column("requests_per_minute", sa.Integer, comment="null: as the settings say"))
    op.add_column("partners", sa.Column("requests_burst", sa.Integer, comment="null: as the settings say"))
    op.add_column("partners", sa.Column("records_per_day", sa.BigInteger, comment="null: without limit"))
    op.add_column("partners", sa.Column("tlp_default", sa.Text))
    op.add_column("partners", sa.Column("assets_are", sa.Text, nullable=False, server_default="abused"))
    op.add_column("partner_keys", sa.Column("certificate", sa.Text, comment="null: it opens without one"))
    op.add_column("partner_keys", sa.Column("replaces", UUID))
    op.add_column("submissions", sa.Column("tlp_default", sa.Text))
    op.add_column("submissions", sa.Column("assets_are", sa.Text, nullable=False, server_default="abused"))
