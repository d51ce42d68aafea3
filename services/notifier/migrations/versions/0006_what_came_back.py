"""What came back, and notifications that go on to the next contact."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "notifications", sa.Column("continues", sa.UUID, comment="the notification that could not reach its recipient")
    )
    op.add_column(
        "notifications",
        sa.Column(
            "contact",
            sa.SmallInteger,
            nullable=False,
            server_default="1",
            comment="which one of the ladder's it is to",
        ),
    )
    op.add_column(
        "targets",
        sa.Column(
            "first_target_id", sa.UUID, comment="of one that goes on to another contact: the first of its indicator"
        ),
    )
    op.add_column(
        "targets", sa.Column("given_up_at", sa.DateTime(timezone=True), comment="when nobody else was left to tell")
    )
    op.create_index(
        "targets_going_on",
        "targets",
        ["first_target_id", "decided_at"],
        postgresql_where=sa.text("first_target_id IS NOT NULL"),
    )
    _share_references()
    _index_continuing()
    _create_returns()


def _share_references() -> None:
    op.drop_constraint("notifications_reference_key", "notifications", type_="unique")
    op.alter_column("notifications", "reference", comment="shared by those that continue one another")
    op.create_index(
        "notifications_reference",
        "notifications",
        ["reference"],
        unique=True,
        postgresql_where=sa.text("continues IS NULL"),
    )


def _index_continuing() -> None:
    op.drop_index("notifications_planned", "notifications")
    op.create_index(
        "notifications_planned",
        "notifications",
        [sa.text("((recipient_key || ' ') || incident)")],
        unique=True,
        postgresql_where=sa.text("state = 'planned' AND kind = 'warning' AND continues IS NULL"),
    )
    op.create_index(
        "notifications_continuing",
        "notifications",
        ["continues", "recipient_key"],
        unique=True,
        postgresql_where=sa.text("state = 'planned' AND continues IS NOT NULL"),
    )
    op.create_index(
        "notifications_continued_by",
        "notifications",
        ["continues"],
        postgresql_where=sa.text("continues IS NOT NULL"),
    )
    op.create_index(
        "notifications_corrected_by", "notifications", ["corrects"], postgresql_where=sa.text("corrects IS NOT NULL")
    )
    op.create_index(
        "notifications_bounced", "notifications", ["id"], postgresql_where=sa.text("state = 'bounced' AND NOT settled")
    )


def _create_returns() -> None:
    op.create_table(
        "returns",
        sa.Column("return_id", sa.UUID, primary_key=True),
        sa.Column("notification_id", sa.UUID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("trust", sa.Text, nullable=False),
        sa.Column("permanence", sa.Text),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heeded_at", sa.DateTime(timezone=True)),
    )
    op.create_index("returns_of_notification", "returns", ["notification_id", "at"])
    op.create_index("returns_to_heed", "returns", ["at"], postgresql_where=sa.text("heeded_at IS NULL"))
