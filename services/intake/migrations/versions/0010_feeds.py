"""Feeds: what each brought, day by day, its columns, and what operators have said of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_arrivals",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("partner_id", UUID, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("report_type", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("columns", ARRAY(sa.Text), nullable=False),
        sa.Column("refused", sa.Text, comment="the code, of a push that was refused as a whole"),
    )
    op.create_table(
        "feeds",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("partner_id", UUID, sa.ForeignKey("partners.id"), nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("report_type", sa.Text, nullable=False, comment="empty: the format has none, or it was not said"),
        sa.Column("expected_interval", sa.Interval, comment="null: as it was learnt"),
    )
    op.create_table(
        "feed_columns",
        sa.Column("feed_id", UUID, sa.ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
        sa.Column("names", ARRAY(sa.Text), nullable=False),
    )
    op.create_table(
        "feed_days",
        sa.Column("feed_id", UUID, sa.ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("first_at", sa.DateTime(timezone=True)),
        sa.Column("last_at", sa.DateTime(timezone=True)),
        sa.Column("hours", sa.Integer, nullable=False, comment="a bit for each hour in which something came"),
        sa.Column("arrivals", sa.BigInteger, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.LargeBinary, nullable=False, comment="fingerprint"),
        sa.Column("first_refused_at", sa.DateTime(timezone=True)),
        sa.Column("last_refused_at", sa.DateTime(timezone=True)),
        sa.Column("refusals", sa.BigInteger, nullable=False),
        sa.Column("refusal", sa.Text, comment="the code of the last"),
        sa.Column("refused_columns", sa.LargeBinary, nullable=False, comment="fingerprint"),
    )
    op.create_table(
        "feed_dismissals",
        sa.Column("feed_id", UUID, sa.ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("feeds_of_partner", "feeds", ["partner_id", "format", "report_type"], unique=True)
    op.create_index("feed_days_by_day", "feed_days", ["day"])
