"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_false_positives()
    _create_incidents()
    _create_outbox()
    _create_threats()
    _create_verdicts()


def downgrade() -> None:
    op.drop_table("verdicts")
    op.drop_table("threats")
    op.drop_table("outbox")
    op.drop_table("incidents")
    op.drop_table("false_positives")


def _create_false_positives() -> None:
    op.create_table(
        "false_positives",
        sa.Column("false_positive_id", sa.UUID(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column(
            "threat_id",
            sa.UUID(),
            nullable=True,
            comment="if set, only this threat is wrong, not all that is found at its asset",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("false_positive_id"),
    )
    op.create_index("false_positives_of_asset", "false_positives", ["asset"], unique=False)


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="JSON: matches, CVE ids and advisory"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False, comment="shipped, until a person changes it; then desk"),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("slug"),
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


def _create_threats() -> None:
    op.create_table(
        "threats",
        sa.Column("threat_id", sa.UUID(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sightings", sa.Integer(), nullable=False),
        sa.Column("partners", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("threat_id"),
    )
    op.create_index("threats_of_asset", "threats", ["asset"], unique=False)
    op.create_index("threats_of_incident", "threats", ["incident", "threat_id"], unique=False)


def _create_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("indicator_id", sa.UUID(), nullable=False),
        sa.Column("threat_id", sa.UUID(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False, comment="JSON: every check's finding"),
        sa.Column("indicator", sa.Text(), nullable=False, comment="JSON: the event raw-indicator as it came"),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("indicator_id"),
    )
    op.create_index(
        "verdicts_held",
        "verdicts",
        ["judged_at", "indicator_id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'held'"),
    )
    op.create_index("verdicts_of_threat", "verdicts", ["threat_id"], unique=False)
