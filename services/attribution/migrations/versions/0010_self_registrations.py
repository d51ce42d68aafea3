"""Organisations register by themselves; what they claim stands against nobody before it has been proven once."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    own = sa.Column("self_registered", sa.Boolean(), nullable=False, server_default="false")
    op.add_column("organisation", own)
    number = sa.Column("claimed_kvk_number", sa.Text(), comment="what it says itself: nobody is found by it")
    op.add_column("organisation", number)
    op.create_index(
        "organisation_self_registered",
        "organisation",
        ["organisation_id"],
        postgresql_where=sa.text("self_registered"),
    )
    op.add_column(
        "organisation_asset",
        sa.Column(
            "self_claimed",
            sa.Boolean(),
            nullable=False,
            server_default="false",
            comment="by the organisation itself: stands against nobody before it has been proven once",
        ),
    )
    _create_registrations()
    _create_assets()
    op.create_index("contact_proof_of_day", "contact_proof", ["asked_at"])


def _create_registrations() -> None:
    op.create_table(
        "self_registration",
        sa.Column("registration_id", sa.UUID(), primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("kvk_number", sa.Text()),
        sa.Column("assets", sa.Text(), nullable=False, comment="JSON, all that is registered"),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("waiting_since", TIME, nullable=False, comment="since it was heard, while it is not in place"),
        sa.Column("taken_up", sa.Integer(), nullable=False, server_default="0", comment="the revision in place"),
        sa.Column("taken_up_at", TIME),
        sa.Column("organisation_id", sa.UUID(), comment="outlives it: what the desk has removed is not added again"),
        sa.Column("contact_id", sa.UUID()),
        sa.Column("follow_at", TIME, comment="when to see whether there is something to tell"),
        sa.Column("told_revision", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("told", sa.Text(), comment="JSON, what was told last"),
        comment="what organisations have registered by themselves, as it was heard last",
    )
    op.create_index(
        "self_registration_waiting",
        "self_registration",
        ["waiting_since"],
        postgresql_where=sa.text("revision > taken_up"),
    )
    op.create_index(
        "self_registration_to_follow",
        "self_registration",
        ["follow_at"],
        postgresql_where=sa.text("follow_at IS NOT NULL"),
    )
    op.create_index("self_registration_of_organisation", "self_registration", ["organisation_id"])


def _create_assets() -> None:
    op.create_table(
        "self_registered_asset",
        sa.Column("registration_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.UUID(), comment="the claim that follows from it; outlives it"),
        sa.Column("is_own", sa.Boolean(), nullable=False, comment="the claim was made for it, and goes with it"),
        sa.Column("step", sa.Text(), comment="look or ask; null: nothing is to be done"),
        sa.Column("due_at", TIME, comment="of the step; ahead also while it is being done"),
        sa.Column("begun_at", TIME, nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("refusal", sa.Text(), nullable=False, server_default="", comment="why no contact could be asked"),
        sa.ForeignKeyConstraint(["registration_id"], ["self_registration.registration_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("registration_id", "kind", "value"),
        comment="what is in place of a registration, and what is to be done for it next",
    )
    op.create_index("self_registered_asset_by_asset", "self_registered_asset", ["asset_id"])
    op.create_index(
        "self_registered_asset_due",
        "self_registered_asset",
        ["step", "due_at"],
        postgresql_where=sa.text("step IS NOT NULL"),
    )
    op.create_index(
        "self_registered_asset_without_contact",
        "self_registered_asset",
        ["begun_at"],
        postgresql_where=sa.text("refusal <> ''"),
    )
