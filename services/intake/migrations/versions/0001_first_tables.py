"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_outbox()
    _create_partners()
    _create_submissions()
    _create_records()
    _create_reconciliations()


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("events", sa.LargeBinary, nullable=False, comment="JSON values, one a line"),
        sa.Column("refused_at", sa.DateTime(timezone=True), comment="set aside: what is in it can't leave"),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def _create_partners() -> None:
    op.create_table(
        "partners",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("slug", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("reliability", sa.Text, nullable=False),
        sa.Column("contact_email", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "partner_keys",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("partner_id", UUID, sa.ForeignKey("partners.id"), nullable=False, index=True),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )


def _create_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("partner_id", UUID, sa.ForeignKey("partners.id"), nullable=False),
        sa.Column("reliability", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("report_type", sa.Text),
        sa.Column("file_name", sa.Text),
        sa.Column("content_type", sa.Text),
        sa.Column("content_encoding", sa.Text),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("traceparent", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("stored_through", sa.Integer, nullable=False, server_default="0"),
        sa.Column("published_through", sa.Integer, nullable=False, server_default="0"),
        sa.Column("errors", JSONB, nullable=False, server_default="[]"),
        sa.Column("warnings", JSONB, nullable=False, server_default="[]"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease", UUID),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
    )
    op.create_index("submissions_of_partner", "submissions", ["partner_id", "id"])
    op.create_index(
        "submissions_processing", "submissions", ["received_at"], postgresql_where=sa.text("status = 'processing'")
    )
    op.create_table(
        "claims",
        sa.Column("partner_id", UUID, primary_key=True),
        sa.Column("claim", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("submission_id", UUID, nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
    )


def _create_records() -> None:
    op.create_table(
        "records",
        sa.Column("submission_id", UUID, primary_key=True),
        sa.Column("record", sa.Integer, primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("errors", JSONB),
        postgresql_with={"fillfactor": 45},
    )
    op.create_table(
        "submission_counts",
        sa.Column("submission_id", UUID, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("records", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "submission_counts_pending",
        "submission_counts",
        ["submission_id"],
        postgresql_where=sa.text("outcome = 'pending' AND records > 0"),
    )
    op.create_table(
        "outcome_conflicts",
        sa.Column("submission_id", UUID, primary_key=True),
        sa.Column("record", sa.Integer, primary_key=True),
        sa.Column("refused", sa.Text, primary_key=True),
        sa.Column("kept", sa.Text, nullable=False),
        sa.Column("refused_from", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )


def _create_reconciliations() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("began_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("sound", sa.Boolean, comment="null: it came to no verdict"),
        sa.Column("report", sa.Text, nullable=False, comment="JSON: the Reconciliation"),
    )
