"""When feeds last reported, which threats were warned of, which are quiet, and how often partners were wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("threats", sa.Column("quiet_at", sa.DateTime(timezone=True)))
    op.add_column("threats", sa.Column("first_warned_at", sa.DateTime(timezone=True)))
    op.add_column("threats", sa.Column("last_warned_at", sa.DateTime(timezone=True)))
    op.add_column("threats", sa.Column("reopenings", sa.Integer, nullable=False, server_default="0"))
    op.create_index(
        "threats_quiet",
        "threats",
        ["threat_id"],
        postgresql_where=sa.text("quiet_at IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index("threats_closed", "threats", ["threat_id"], postgresql_where=sa.text("closed_at IS NOT NULL"))
    op.create_index(
        "threats_warned", "threats", ["first_warned_at"], postgresql_where=sa.text("first_warned_at IS NOT NULL")
    )
    op.create_table(
        "reports",
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("identifier", sa.Text, nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), comment="null: nothing came, a recipient answered"),
        sa.Column("verified", sa.BigInteger, nullable=False, comment="threats that are new with this partner"),
        sa.Column("wrong", sa.BigInteger, nullable=False, comment="threats that their recipients called wrong"),
    )
    op.execute(
        """
        INSERT INTO reports (partner, identifier, reported_at, verified, wrong)
        SELECT partner, identifier, max(judged_at), count(DISTINCT threat_id) FILTER (WHERE verdict = 'verified'), 0
        FROM verdicts WHERE NOT is_test GROUP BY partner, identifier HAVING bool_or(verdict = 'verified')
        UNION ALL
        SELECT partner, identifier, NULL, 0, count(*) FROM threats, unnest(partners) AS partner
        WHERE closed_reason = 'false-positive' AND NOT is_test GROUP BY partner, identifier
        """
    )
