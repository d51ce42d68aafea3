"""The verifier is told what organisations have registered; what was there before is still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisation_asset", sa.Column("is_told", sa.Boolean, nullable=False, server_default="false"))
    op.create_index(
        "organisation_asset_untold", "organisation_asset", ["asset_id"], postgresql_where=sa.text("NOT is_told")
    )
