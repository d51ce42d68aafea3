"""Where holders of addresses are registered, and what organisations have registered with us."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_countries()
    _create_registered_assets()


def _create_countries() -> None:
    op.create_table(
        "country_editions",
        sa.Column("source", sa.Text, primary_key=True, comment="the registry whose delegated file it is"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.Text, nullable=False),
    )
    op.create_table(
        "country_stretches",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("starts", sa.LargeBinary, nullable=False),
        sa.Column("lows", sa.LargeBinary, nullable=False),
        sa.Column("owners", sa.LargeBinary, nullable=False),
        comment="big-endian columns, one row for all of a registry's space; an owner is a country's two letters, or 0",
    )


def _create_registered_assets() -> None:
    op.create_table(
        "registered_assets",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.UUID, primary_key=True),
        sa.Column("space", sa.Text, comment="of an ip-range, with its first and last address, big-endian"),
        sa.Column("first", sa.LargeBinary),
        sa.Column("last", sa.LargeBinary),
        sa.Column(
            "is_registered",
            sa.Boolean,
            nullable=False,
            comment="false: taken back; kept, as an older word may come late",
        ),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "registered_versions",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        comment="rises with every batch that changes registered assets of the kind, in the same transaction",
    )
