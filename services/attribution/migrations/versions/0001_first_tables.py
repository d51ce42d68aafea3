"""The first tables: organisations, registry snapshots, decisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_outbox()
    _create_organisations()
    _create_what_is_learnt()
    _create_snapshots()
    _create_networks()
    _create_decisions()


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("events", sa.LargeBinary(), nullable=False, comment="JSON values, one a line"),
        sa.Column("refused_at", sa.DateTime(timezone=True), comment="set aside: what is in it can't leave"),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )


def _create_organisations() -> None:
    op.create_table(
        "organisation",
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("other_names", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("kvk_number", sa.Text(), nullable=True),
        sa.Column("sector", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("criticality", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id"),
        sa.UniqueConstraint("kvk_number"),
    )
    op.create_table(
        "organisation_asset",
        sa.Column("asset_id", sa.UUID(), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.organisation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("asset_id"),
        sa.UniqueConstraint("kind", "value"),
        comment="value is canonical, so that one asset has one claim; claims of different size may overlap",
    )
    op.create_index(
        "organisation_asset_by_organisation", "organisation_asset", ["organisation_id", "asset_id"], unique=False
    )
    op.create_table(
        "organisation_contact",
        sa.Column("contact_id", sa.UUID(), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.organisation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id"),
        sa.UniqueConstraint("organisation_id", "email"),
    )


def _create_what_is_learnt() -> None:
    op.create_table(
        "learnt_asset",
        sa.Column(
            "owned_part",
            sa.Text(),
            nullable=False,
            comment="a name; an address or AS where the asset has no name",
        ),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.organisation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("owned_part"),
        comment="whose an asset is, because a person once said so",
    )
    op.create_index("learnt_asset_by_organisation", "learnt_asset", ["organisation_id"], unique=False)
    op.create_table(
        "directory_version",
        sa.Column("single", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("single = 1", name="directory_version_is_one_row"),
        sa.PrimaryKeyConstraint("single"),
        comment="rises with every change of organisations, in the same transaction",
    )


def _create_snapshots() -> None:
    op.create_table(
        "snapshot",
        sa.Column("snapshot_id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id"),
        comment="one import of a registry's dump; the newest of its kind serves, the others are removed with it",
    )
    op.create_table(
        "abuse_desk",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", "number"),
    )
    op.create_table(
        "import_run",
        sa.Column("import_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("bytes_total", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("skipped", postgresql.JSONB(), nullable=False),
        sa.Column("errors", postgresql.JSONB(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("import_id"),
    )


def _create_networks() -> None:
    op.create_table(
        "network_range",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("first", sa.LargeBinary(), nullable=False),
        sa.Column("last", sa.LargeBinary(), nullable=False),
        sa.Column("netname", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("abuse_desk", sa.Integer(), nullable=True),
        sa.Column("inherited_from", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("snapshot_id", "space", "position"),
        comment="sorted by position, from 0; big-endian addresses; inherited_from: position of whose abuse desk it has",
    )
    op.create_table(
        "network_route",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("first", sa.LargeBinary(), nullable=False),
        sa.Column("last", sa.LargeBinary(), nullable=False),
        sa.Column("origins", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", "space", "position"),
    )
    op.create_table(
        "network_system",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("asn", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("abuse_desk", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("snapshot_id", "asn"),
    )
    op.create_table(
        "delegation",
        sa.Column("snapshot_id", sa.Integer(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("first", sa.LargeBinary(), nullable=False),
        sa.Column("last", sa.LargeBinary(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", "space", "position"),
    )


def _create_decisions() -> None:
    op.create_table(
        "attribution",
        sa.Column("indicator_id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("asset_key", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("indicator_id"),
        comment="the first decision on an indicator; it stands, whatever the directory says later",
    )
    op.create_table(
        "unattributed",
        sa.Column("target_id", sa.UUID(), nullable=False),
        sa.Column("indicator_id", sa.UUID(), nullable=False),
        sa.Column("asset_key", sa.Text(), nullable=False),
        sa.Column("threat", sa.Text(), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("target_id"),
        comment="threats for which nobody was found, until a person names somebody",
    )
    op.create_index(
        "unattributed_waiting",
        "unattributed",
        ["waiting_since", "target_id"],
        unique=False,
        postgresql_where=sa.text("decided_at IS NULL"),
    )
