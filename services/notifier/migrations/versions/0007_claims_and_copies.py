"""Claims that are put to a registry's contact are mailed beside the digests; targets have copies."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("targets", sa.Column("copy_of", sa.UUID(), comment="the target that has the outcome of both"))
    op.add_column(
        "digests",
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            server_default="digest",
            comment="digest or claim; of a claim no partner",
        ),
    )
    op.alter_column("digests", "due", comment="the DigestDue, or the ClaimToConfirm", existing_comment="the DigestDue")


def downgrade() -> None:
    op.execute("DELETE FROM digests WHERE kind = 'claim'")
    op.drop_column("digests", "kind")
    op.drop_column("targets", "copy_of")
    op.alter_column("digests", "due", comment="the DigestDue", existing_comment="the DigestDue, or the ClaimToConfirm")
