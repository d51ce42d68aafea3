"""Digests to partners, and the attempts to hand them over."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False),
        sa.Column("recipient_domain", sa.Text(), nullable=False),
        sa.Column("due", sa.LargeBinary(), nullable=False, comment="the DigestDue"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True)),
        sa.Column(
            "lease_until", sa.DateTime(timezone=True), comment="while sending: after this the answer counts as lost"
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("subject", sa.Text()),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("doubts", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_index("digests_newest", "digests", ["created_at", "id"])
    op.create_index(
        "digests_to_send",
        "digests",
        ["next_attempt_at"],
        postgresql_where=sa.text("state IN ('queued', 'deferred', 'in-doubt')"),
    )
    op.create_index("digests_under_way", "digests", ["lease_until"], postgresql_where=sa.text("state = 'sending'"))
    op.create_table(
        "digest_attempts",
        sa.Column("digest_id", sa.UUID(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("result", sa.Text()),
        sa.Column("smtp_code", sa.Integer()),
        sa.Column("detail", sa.Text(), nullable=False, server_default=""),
    )


def downgrade() -> None:
    op.drop_table("digest_attempts")
    op.drop_table("digests")
