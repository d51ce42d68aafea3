"""Claims are put to the contact that a registry has for the asset; decisions have copies, and say whom they concern."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("attribution", sa.Column("copies", sa.Text(), comment="teams that hear of it beside the recipient"))
    concerns = sa.Column("concerns", sa.Text(), comment="whom it concerns, where a team is the recipient")
    op.add_column("attribution", concerns)
    op.create_table(
        "contact_proof",
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("asset_id", sa.UUID(), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False, comment="the address that was mailed, as the registry has it"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, comment="of the secret in the page's address"),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("answered_at", TIME),
        sa.Column("answered_by", sa.Text()),
        sa.PrimaryKeyConstraint("request_id"),
        sa.UniqueConstraint("token_hash"),
        comment="claims that were put to a registry's contact; outlives them, so that nobody is asked too often",
    )
    op.create_index("contact_proof_of_asset", "contact_proof", ["asset_id", "asked_at"])
    op.create_index("contact_proof_of_contact", "contact_proof", [sa.text("lower(contact)"), "asked_at"])
    op.create_index(
        "contact_proof_refused", "contact_proof", ["answered_at"], postgresql_where=sa.text("state = 'refused'")
    )
