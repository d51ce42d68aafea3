"""Which assets count as an organisation's, and the targets that rest on one: what is not proven is told to nobody."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "registered_assets",
        sa.Column(
            "asset", sa.Text, primary_key=True, comment="organisation, kind and value: the key of the AssetRegistered"
        ),
        sa.Column("is_registered", sa.Boolean, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("at", TIME, nullable=False),
    )
    for name, kind, comment in (
        ("rests_on", sa.ARRAY(sa.Text), "the assets on whose registration the attribution rests"),
        ("taken_from", postgresql.UUID, "the notification that it was taken out of, since its proof was lost"),
        ("unproven_at", TIME, "when that was: somebody else is asked for"),
    ):
        op.add_column("targets", sa.Column(name, kind, comment=comment))
    op.create_index(
        "targets_resting",
        "targets",
        ["rests_on"],
        postgresql_using="gin",
        postgresql_where=sa.text("rests_on IS NOT NULL"),
    )
    op.create_index("targets_taken_from", "targets", ["taken_from"], postgresql_where=sa.text("taken_from IS NOT NULL"))
