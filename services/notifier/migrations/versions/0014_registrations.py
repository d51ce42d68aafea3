"""Mails to organisations that register by themselves, beside the digests; and how far each registration is."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KIND = "digest or claim; of a claim no partner"
KIND_NOW = "digest, claim, registration or registration-news; only a digest has a partner"
DUE = "the DigestDue, or the ClaimToConfirm"
DUE_NOW = "the event that it tells of"


def upgrade() -> None:
    for name, kind, comment in (
        ("about", sa.UUID(), "the registration that it is about"),
        ("revision", sa.BigInteger(), "of the registration-news: of two the later one"),
        ("forget_at", sa.DateTime(timezone=True), "from when on nothing of it is kept"),
    ):
        op.add_column("digests", sa.Column(name, kind, comment=comment))
    op.create_index("digests_about", "digests", ["about", "revision"], postgresql_where=sa.text("about IS NOT NULL"))
    op.create_index("digests_to_forget", "digests", ["forget_at"], postgresql_where=sa.text("forget_at IS NOT NULL"))
    op.alter_column("digests", "kind", comment=KIND_NOW, existing_comment=KIND)
    op.alter_column("digests", "due", comment=DUE_NOW, existing_comment=DUE)
    op.create_table(
        "followed_registrations",
        sa.Column("registration_id", sa.UUID(), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("followed", sa.LargeBinary(), nullable=False, comment="the RegistrationFollowed that counts"),
    )
