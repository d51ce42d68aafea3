"""The tables; `migrations/` makes them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from libs.common.outbox import outbox_table

metadata = MetaData()

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", UUID, primary_key=True),
    Column("reference", Text, nullable=False, index=True, comment="shared by those that continue one another"),
    Column("recipient_key", Text, nullable=False),
    Column("recipient_kind", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("targets", JSONB, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("is_test", Boolean, nullable=False, server_default="false"),
    Column("kind", Text, nullable=False, server_default="warning"),
)

# The public counters, kept beside the notifications instead of counted from them: a page that anybody may load has to
# cost the same after a million mails.
tallies = Table(
    "tallies",
    metadata,
    Column("month", Date, primary_key=True),
    Column("incident", Text, primary_key=True),
    Column("category", Text, primary_key=True),
    Column("recipient_kind", Text, primary_key=True),
    Column("notifications", BigInteger, nullable=False),
)

# Two replicas may hear at the same moment of two mails under one reference: whoever adds it here counts it.
counted_references = Table("counted_references", metadata, Column("reference", Text, primary_key=True))

incidents = Table(
    "incidents",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("titles", JSONB, nullable=False),
)

# Anonymous, and so the shortest table of all: what is not here can't be asked for. A test holds its columns.
ratings = Table(
    "ratings",
    metadata,
    Column("feedback_id", UUID, primary_key=True),
    Column("nonce_hash", LargeBinary, nullable=False, unique=True),
    Column("incident", Text, nullable=False),
    Column("hour", DateTime(timezone=True), nullable=False),
    Column("useful", SmallInteger, nullable=False),
    Column("clear", SmallInteger, nullable=False),
    Column("text", Text, nullable=False),
    Index("ratings_by_time", "hour", "feedback_id"),
)

answers = Table(
    "answers",
    metadata,
    Column("feedback_id", UUID, primary_key=True),
    Column("notification_id", UUID, ForeignKey("notifications.notification_id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("answered_at", DateTime(timezone=True), nullable=False),
    Column("text", Text, nullable=False),
    Column("threat_ids", ARRAY(UUID), nullable=False),
    Index("answers_by_time", "answered_at", "feedback_id"),
)

# What came back by mail. Not tied to a notification by the database: a mail may come back before we hear that it left.
incoming = Table(
    "incoming",
    metadata,
    Column("return_id", UUID, primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("trust", Text, nullable=False, comment="how we know which of our mails it is about"),
    Column("notification_id", UUID),
    Column("reference", Text, nullable=False),
    Column("address", Text, nullable=False, comment="whom a bounce or complaint is about"),
    Column("permanence", Text),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Index("incoming_by_time", "received_at", "return_id"),
)

# `mailbox` is whose mailbox the address leads to. What has gone over into another goes with it.
registrations = Table(
    "registrations",
    metadata,
    Column("registration_id", UUID, primary_key=True),
    Column("organisation", Text, nullable=False),
    Column("kvk_number", Text),
    Column("email", Text, nullable=False),
    Column("mailbox", Text, nullable=False, index=True),
    Column("language", Text, nullable=False),
    Column("assets", JSONB, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), index=True, comment="when it is forgotten; none: it stands"),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("merged_into", UUID, ForeignKey("registrations.registration_id", ondelete="CASCADE"), index=True),
    Column("revision", Integer, nullable=False, comment="the newest that attribution was told"),
    Column("changes", Integer, nullable=False, comment="of the day changed_on"),
    Column("changed_on", Date),
    Column("followed", JSONB, nullable=False, server_default="[]", comment="how far the proofs are"),
    Column("followed_revision", Integer, nullable=False, server_default="0"),
)

# How often we have asked a mailbox whether a registration is right; the one without a name counts all of a day.
registration_mails = Table(
    "registration_mails",
    metadata,
    Column("day", Date, primary_key=True),
    Column("mailbox", Text, primary_key=True),
    Column("mails", Integer, nullable=False),
)

outbox = outbox_table(metadata)
