"""Threats stand aside while outside sources are asked about them; what a person teaches may end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _questions()
    _threats()
    _people()


def _questions() -> None:
    op.create_table(
        "answer",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("failed", sa.Boolean, nullable=False),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=False),
        comment="the last that each outside source said of each subject; it serves every threat until good_until",
    )
    op.create_index("answer_by_age", "answer", ["good_until"])
    op.create_table(
        "enquiry",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("urgency", sa.SmallInteger, nullable=False, comment="1 is the most urgent"),
        sa.Column("wanted_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "next_try_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="ahead also while it is being asked",
        ),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        comment="questions to outside sources that have no answer yet",
    )
    op.create_index("enquiry_due", "enquiry", ["source", "urgency", "next_try_at"])


def _threats() -> None:
    op.create_table(
        "pending_threat",
        sa.Column("indicator_id", UUID, primary_key=True),
        sa.Column("submission_id", UUID, nullable=False),
        sa.Column("threat", sa.Text, nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), nullable=False, comment="when to decide: an answer brings it forward"
        ),
        sa.Column("decided", sa.Boolean, nullable=False, server_default="false"),
        comment="threats that stand aside for an answer; decided ones found nobody, and an answer may still change that",
    )
    op.create_index("pending_threat_due", "pending_threat", ["due_at"])
    op.create_table(
        "pending_question",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column(
            "indicator_id", UUID, sa.ForeignKey("pending_threat.indicator_id", ondelete="CASCADE"), primary_key=True
        ),
        comment="which threats stand aside for which answer",
    )
    op.create_index("pending_question_by_threat", "pending_question", ["indicator_id"])


def _people() -> None:
    op.add_column("attribution", sa.Column("candidates", sa.Text, nullable=True))
    op.alter_column("learnt_asset", "organisation_id", nullable=True)
    op.add_column(
        "learnt_asset",
        sa.Column(
            "recipient",
            sa.Text,
            nullable=True,
            comment="whom to write instead of an organisation; neither: there is nobody to warn",
        ),
    )
    op.create_table_comment("learnt_asset", "whose an asset is, or who hears of it, because a person said so")
    op.add_column(
        "learnt_asset", sa.Column("until", sa.DateTime(timezone=True), nullable=True, comment="null: for good")
    )
    op.add_column("learnt_asset", sa.Column("note", sa.Text, nullable=False, server_default=""))
    op.add_column("unattributed", sa.Column("note", sa.Text, nullable=False, server_default=""))
