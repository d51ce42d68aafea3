"""Assets are proven, conflicts wait for a person, changes are kept; contacts, numbers and criticality say more.

What was registered before was the desk's word, and counts as proven by it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _extend_organisations()
    _extend_contacts()
    _prove_assets()
    _create_conflicts()
    _create_changes()
    op.add_column("import_run", sa.Column("is_preview", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("import_run", sa.Column("changes", sa.Text(), comment="what a file of organisations changes"))
    op.execute("INSERT INTO directory_version (version) VALUES (0) ON CONFLICT DO NOTHING")


def _extend_organisations() -> None:
    numbers = sa.Column(
        "company_numbers",
        postgresql.ARRAY(sa.Text()),
        nullable=False,
        server_default="{}",
        comment="of other countries: BE:01234",
    )
    op.add_column("organisation", numbers)
    source = sa.Column("criticality_source", sa.Text(), nullable=False, server_default="registered")
    op.add_column("organisation", source)
    op.add_column("organisation", sa.Column("criticality_decided_at", TIME))
    op.add_column("organisation", sa.Column("criticality_by", sa.Text()))
    op.create_table(
        "merged_organisation",
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("into_id", sa.UUID(), nullable=False),
        sa.Column("merged_at", TIME, nullable=False),
        sa.Column("merged_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["into_id"], ["organisation.organisation_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("organisation_id"),
        comment="where an organisation went that was the same as another one",
    )
    op.create_index("merged_organisation_by_into", "merged_organisation", ["into_id"])


def _extend_contacts() -> None:
    op.add_column("organisation_contact", sa.Column("channel", sa.Text(), nullable=False, server_default="mail"))
    op.add_column("organisation_contact", sa.Column("valid_from", TIME))
    op.add_column("organisation_contact", sa.Column("valid_until", TIME))
    op.add_column("organisation_contact", sa.Column("pgp_key", sa.Text()))
    op.add_column("organisation_contact", sa.Column("smime_certificate", sa.Text()))


def _prove_assets() -> None:
    for column in (
        sa.Column("contested", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("proof_state", sa.Text(), nullable=False, server_default="proven"),
        sa.Column("proof_method", sa.Text(), server_default="desk"),
        sa.Column("proof_token", sa.Text()),
        sa.Column("challenged_at", TIME),
        sa.Column("proven_at", TIME),
        sa.Column("proven_until", TIME),
        sa.Column("proof_by", sa.Text()),
        sa.Column("proof_note", sa.Text()),
        sa.Column("check_at", TIME),
        sa.Column("misses", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("unanswered", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("missing_since", TIME),
    ):
        op.add_column("organisation_asset", column)
    op.drop_constraint("organisation_asset_kind_value_key", "organisation_asset", type_="unique")
    op.create_unique_constraint(None, "organisation_asset", ["organisation_id", "kind", "value"])
    op.create_index("organisation_asset_by_value", "organisation_asset", ["kind", "value"])
    op.create_index(
        "organisation_asset_to_check",
        "organisation_asset",
        ["check_at"],
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_index("organisation_asset_by_proof", "organisation_asset", ["proof_state", "asset_id"])
    op.create_table_comment(
        "organisation_asset",
        "value is canonical; of proof_state proven and not contested, or it is nobody's",
        existing_comment="value is canonical, so that one asset has one claim; claims of different size may overlap",
    )


def _create_conflicts() -> None:
    op.create_table(
        "asset_conflict",
        sa.Column("conflict_id", sa.UUID(), nullable=False),
        sa.Column("first_id", sa.UUID(), nullable=False),
        sa.Column("second_id", sa.UUID(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("contests_first", sa.Boolean(), nullable=False),
        sa.Column("contests_second", sa.Boolean(), nullable=False),
        sa.Column("found_at", TIME, nullable=False),
        sa.Column("keep", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", TIME),
        sa.ForeignKeyConstraint(["first_id"], ["organisation_asset.asset_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["second_id"], ["organisation_asset.asset_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conflict_id"),
        sa.UniqueConstraint("first_id", "second_id"),
        comment="two organisations claim what can't be both of theirs; first was registered first",
    )
    op.create_index("asset_conflict_by_second", "asset_conflict", ["second_id"])
    op.create_index(
        "asset_conflict_open",
        "asset_conflict",
        ["found_at", "conflict_id"],
        postgresql_where=sa.text("decided_at IS NULL"),
    )


def _create_changes() -> None:
    op.create_table(
        "organisation_change",
        sa.Column("change_id", sa.UUID(), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.PrimaryKeyConstraint("change_id"),
        comment="who changed what of an organisation; outlives it",
    )
    op.create_index("organisation_change_by_organisation", "organisation_change", ["organisation_id", "change_id"])
