"""The tables of intake.

Everything that grows with the feeds is keyed by the submission's id first. That is a UUIDv7, so the keys of one month
are one range: old data can be dropped by partition without touching the rest.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from libs.common.outbox import outbox_table

metadata = MetaData()

outbox = outbox_table(metadata)

partners = Table(
    "partners",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("reliability", Text, nullable=False),
    Column("contact_email", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("allowed_formats", ARRAY(Text), comment="null: all"),
    Column("allowed_networks", ARRAY(Text), comment="null: all"),
    Column("requests_per_minute", Integer, comment="null: as the settings say"),
    Column("requests_burst", Integer, comment="null: as the settings say"),
    Column("records_per_day", BigInteger, comment="null: without limit"),
    Column("tlp_default", Text),
    Column("upstream", Text, comment="whose findings are passed on; null: the partner's own"),
    Column("assets_are", Text, nullable=False, server_default="abused"),
    Column("digest", Text, nullable=False, server_default="none"),
    Column("digest_language", Text, nullable=False, server_default="en"),
    Column("digest_due_at", DateTime(timezone=True), comment="when a period of theirs ends; null: they want no digest"),
    Column("csv_reading", JSONB, nullable=False, server_default="{}"),
)

# A revoked key stays, so that nobody can be given it again and its past use can be seen.
partner_keys = Table(
    "partner_keys",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("partner_id", UUID, ForeignKey("partners.id"), nullable=False, index=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("certificate", Text, comment="null: it opens without one"),
    Column("replaces", UUID),
    Column("mails_to", Text, comment="of a key for tests; null: it is none"),
)

# `stored_through` and `published_through` are record numbers: how far the payload has got. Whoever works on a
# submission holds its lease and writes only while it does.
submissions = Table(
    "submissions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("partner_id", UUID, ForeignKey("partners.id"), nullable=False),
    Column("reliability", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("report_type", Text),
    Column("file_name", Text),
    Column("content_type", Text),
    Column("content_encoding", Text),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("stored_through", Integer, nullable=False, server_default="0"),
    Column("published_through", Integer, nullable=False, server_default="0"),
    Column("errors", JSONB, nullable=False, server_default="[]"),
    Column("warnings", JSONB, nullable=False, server_default="[]"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease", UUID),
    Column("leased_until", DateTime(timezone=True)),
    Column("payload_redacted", Boolean, nullable=False, server_default="false"),
    Column("tlp_default", Text),
    Column("upstream", Text, comment="whose findings are passed on; null: the partner's own"),
    Column("assets_are", Text, nullable=False, server_default="abused"),
    Column("test_mails_to", Text, comment="null: in earnest"),
    Column("kept_at", DateTime(timezone=True), server_default=func.clock_timestamp()),
    Column("csv_reading", JSONB, nullable=False, server_default="{}"),
    Index("submissions_of_partner", "partner_id", "id"),
    Index("submissions_processing", "received_at", postgresql_where=text("status = 'processing'")),
)

# What makes a partner's retry safe: the primary key lets one of two equal posts win.
claims = Table(
    "claims",
    metadata,
    Column("partner_id", UUID, primary_key=True),
    Column("claim", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("submission_id", UUID, nullable=False),
    Column("claimed_at", DateTime(timezone=True), nullable=False),
)

# One small row per record, the payload being the evidence. No index on the outcome and room on each page: half of the
# outcomes then rewrite no index (heap-only updates, measured). No foreign key: it would cost a look-up per record.
records = Table(
    "records",
    metadata,
    Column("submission_id", UUID, primary_key=True),
    Column("record", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("message", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("errors", JSONB),
    postgresql_with={"fillfactor": 45},
)

# Changed in the transaction that changes the records, so that a receipt costs the same for ten records and a million.
submission_counts = Table(
    "submission_counts",
    metadata,
    Column("submission_id", UUID, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("records", BigInteger, nullable=False),
    Index("submission_counts_pending", "submission_id", postgresql_where=text("outcome = 'pending' AND records > 0")),
)

# A second, different, final outcome of a record: never expected, so it is kept to be looked into.
outcome_conflicts = Table(
    "outcome_conflicts",
    metadata,
    Column("submission_id", UUID, primary_key=True),
    Column("record", Integer, primary_key=True),
    Column("refused", Text, primary_key=True),
    Column("kept", Text, nullable=False),
    Column("refused_from", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("began_at", DateTime(timezone=True), primary_key=True),
    Column("sound", Boolean, comment="null: it came to no verdict"),
    Column("report", Text, nullable=False, comment="JSON: the Reconciliation"),
)

# The secrets are kept as they are, since we sign with them; nothing but the signing ever reads them.
webhooks = Table(
    "webhooks",
    metadata,
    Column("partner_id", UUID, ForeignKey("partners.id"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("previous_secret", LargeBinary),
    Column("previous_secret_until", DateTime(timezone=True)),
    Column("disabled", Text, comment="why nothing is sent; null: it is"),
    Column("failing_since", DateTime(timezone=True)),
    Column("succeeded_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

# At most one fresh row for a submission: what changes before it is sent is told by it, whatever the number of changes.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("partner_id", UUID, nullable=False),
    Column("event", Text, nullable=False),
    Column("submission_id", UUID),
    Column("sequence", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_fresh", Boolean, nullable=False, comment="nobody has begun to send it"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="when sending: the end of the lease"),
    Column("give_up_at", DateTime(timezone=True), nullable=False),
    Column("lease", UUID),
    Column("attempted_at", DateTime(timezone=True)),
    Column("status", Integer),
    Column("error", Text),
    Index("webhook_deliveries_of_partner", "partner_id", "id"),
    Index("webhook_deliveries_of_submission", "submission_id", "sequence"),
    Index("webhook_deliveries_due", "partner_id", "due_at", postgresql_where=text("state IN ('waiting', 'sending')")),
    Index("webhook_deliveries_fresh", "submission_id", unique=True, postgresql_where=text("is_fresh")),
)

# Pushes that are not in the sums of their feeds yet: a row is only ever added and taken away, so that a feed that
# pushes hundreds of times a second waits for nobody. Within a minute they are folded into `feed_days`.
feed_arrivals = Table(
    "feed_arrivals",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("partner_id", UUID, nullable=False),
    Column("format", Text, nullable=False),
    Column("report_type", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("columns", ARRAY(Text), nullable=False),
    Column("refused", Text, comment="the code, of a push that was refused as a whole"),
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("partner_id", UUID, ForeignKey("partners.id"), nullable=False),
    Column("format", Text, nullable=False),
    Column("report_type", Text, nullable=False, comment="empty: the format has none, or it was not said"),
    Column("expected_interval", Interval, comment="null: as it was learnt"),
    Index("feeds_of_partner", "partner_id", "format", "report_type", unique=True),
)

# A list of columns is kept once, however many days had it.
feed_columns = Table(
    "feed_columns",
    metadata,
    Column("feed_id", UUID, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("names", ARRAY(Text), nullable=False),
)

feed_days = Table(
    "feed_days",
    metadata,
    Column("feed_id", UUID, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("first_at", DateTime(timezone=True)),
    Column("last_at", DateTime(timezone=True)),
    Column("hours", Integer, nullable=False, comment="a bit for each hour in which something came"),
    Column("arrivals", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("columns", LargeBinary, nullable=False, comment="fingerprint"),
    Column("first_refused_at", DateTime(timezone=True)),
    Column("last_refused_at", DateTime(timezone=True)),
    Column("refusals", BigInteger, nullable=False),
    Column("refusal", Text, comment="the code of the last"),
    Column("refused_columns", LargeBinary, nullable=False, comment="fingerprint"),
    Index("feed_days_by_day", "day"),
)

feed_dismissals = Table(
    "feed_dismissals",
    metadata,
    Column("feed_id", UUID, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# One row for each period that is done, in the transaction that tells of it.
digests = Table(
    "digests",
    metadata,
    Column("partner_id", UUID, ForeignKey("partners.id"), primary_key=True),
    Column("until", DateTime(timezone=True), primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("digest_id", UUID, comment="null: there was nothing to tell"),
    Column("open_submissions", Text, comment="JSON, of the newest: how those stood that may still change"),
)
