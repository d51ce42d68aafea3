"""Whom else to tell can be asked anew by a person, and is answered anew."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "continuation",
        sa.Column(
            "asked_again",
            sa.SmallInteger,
            nullable=False,
            server_default="0",
            comment="how often a person had asked",
        ),
    )
    op.drop_constraint("continuation_pkey", "continuation", type_="primary")
    op.create_primary_key("continuation_pkey", "continuation", ["target_id", "asked_again"])
