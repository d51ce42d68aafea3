"""When notifications went on to another contact, and whom nobody else was known for; a person can have them asked anew."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("notifications", sa.Column("gone_on_at", TIME, comment="when another contact was last asked for"))
    op.add_column("targets", sa.Column("exhausted_at", TIME, comment="when nobody else was known"))
    op.add_column(
        "targets",
        sa.Column(
            "asked_again",
            sa.SmallInteger,
            nullable=False,
            server_default="0",
            comment="how often a person had another contact asked for",
        ),
    )
    op.add_column("targets", sa.Column("asked_again_at", TIME, comment="when a person last had"))
    op.create_index(
        "targets_asked_again",
        "targets",
        ["asked_again_at"],
        postgresql_where=sa.text("asked_again_at IS NOT NULL AND exhausted_at IS NULL"),
    )
    op.execute("UPDATE targets SET exhausted_at = given_up_at WHERE given_up_at IS NOT NULL")
    op.execute(
        """
        UPDATE notifications n SET settled = true WHERE n.state = 'bounced' AND NOT n.settled
          AND EXISTS (SELECT FROM targets t WHERE t.notification_id = n.id AND t.given_up_at IS NOT NULL)
          AND NOT EXISTS (
              SELECT FROM targets t
              WHERE t.notification_id = n.id AND t.given_up_at IS NULL AND t.copy_of IS NULL
          )
        """
    )
