"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_brakes()
    _create_incidents()
    _create_notifications()
    _create_outbox()
    _create_suppressions()
    _create_attempts()
    _create_targets()


def downgrade() -> None:
    op.drop_table("targets")
    op.drop_table("attempts")
    op.drop_table("suppressions")
    op.drop_table("outbox")
    op.drop_table("notifications")
    op.drop_table("incidents")
    op.drop_table("brakes")


def _create_brakes() -> None:
    op.create_table(
        "brakes",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("engaged", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "value"),
    )


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed", sa.LargeBinary(), nullable=False, comment="the newest IncidentChanged"),
        sa.PrimaryKeyConstraint("slug"),
    )


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False),
        sa.Column("recipient_domain", sa.Text(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column(
            "recipient_confidence",
            sa.Double(),
            nullable=False,
            comment="of the target that names the recipient",
        ),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False, comment="0 is the most urgent; the order of sending"),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="why a person decided so"),
        sa.Column("partners", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("targets_total", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="while planned: until then more targets join",
        ),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="while sending: after this the answer counts as lost",
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("doubts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("settled", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
        postgresql_with={"fillfactor": 80},
    )
    _index_notifications()


def _index_notifications() -> None:
    op.create_index("notifications_newest", "notifications", ["created_at", "id"], unique=False)
    op.create_index("notifications_of_incident", "notifications", ["incident", "created_at"], unique=False)
    op.create_index("notifications_of_recipient", "notifications", ["recipient_key", "created_at"], unique=False)
    op.create_index(
        "notifications_open",
        "notifications",
        ["state", "created_at"],
        unique=False,
        postgresql_where=sa.text("state NOT IN ('sent', 'failed', 'cancelled', 'bounced')"),
    )
    op.create_index(
        "notifications_to_send",
        "notifications",
        ["urgency", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'deferred', 'in-doubt')"),
    )
    op.create_index(
        "notifications_to_withdraw",
        "notifications",
        ["incident", "state", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('planned', 'awaiting-approval', 'queued', 'deferred', 'in-doubt')"),
    )
    op.create_index(
        "notifications_planned",
        "notifications",
        [sa.text("((recipient_key || ' ') || incident)")],
        unique=True,
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(
        "notifications_under_way",
        "notifications",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("events", sa.LargeBinary(), nullable=False, comment="JSON values, one a line"),
        sa.Column("refused_at", sa.DateTime(timezone=True), comment="set aside: what is in it can't leave"),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )


def _create_suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="an address, or a domain with its subdomains"),
        sa.Column("incident", sa.Text(), server_default="", nullable=False, comment="empty: whatever it is about"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("value", "incident"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("notification_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("smtp_code", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("notification_id", "number"),
    )


def _create_targets() -> None:
    op.create_table(
        "targets",
        sa.Column("target_id", sa.UUID(), nullable=False),
        sa.Column("threat_id", sa.UUID(), nullable=False),
        sa.Column("submission_id", sa.UUID(), nullable=False),
        sa.Column("notification_id", sa.UUID(), nullable=True, comment="which mail carries it; none: suppressed"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=True, comment="when a recipient called it fixed"),
        sa.Column("attributed", sa.LargeBinary(), nullable=False, comment="the TargetAttributed"),
        sa.PrimaryKeyConstraint("target_id"),
    )
    op.create_index("targets_of_threat", "targets", ["threat_id"], unique=False)
    op.create_index(
        "targets_of_notification",
        "targets",
        ["notification_id"],
        unique=False,
        postgresql_where=sa.text("notification_id IS NOT NULL"),
    )
