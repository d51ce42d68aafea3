"""Mails beside the notifications, so that nobody counts them with those: digests, claims, and registrations."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from services.notifier.store.tables.base import TIME, metadata

digests = Table(
    "digests",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("recipient_key", Text, nullable=False),
    Column("recipient_domain", Text, nullable=False),
    Column("due", LargeBinary, nullable=False, comment="the event that it tells of"),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    Column("next_attempt_at", TIME),
    Column("lease_until", TIME, comment="while sending: after this the answer counts as lost"),
    Column("sent_at", TIME),
    Column("subject", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("doubts", Integer, nullable=False, server_default="0"),
    Column(
        "kind",
        Text,
        nullable=False,
        server_default="digest",
        comment="digest, claim, registration or registration-news; only a digest has a partner",
    ),
    Column("about", UUID, comment="the registration that it is about"),
    Column("revision", BigInteger, comment="of the registration-news: of two the later one"),
    Column("forget_at", TIME, comment="from when on nothing of it is kept"),
    Index("digests_newest", "created_at", "id"),
    Index("digests_to_send", "next_attempt_at", postgresql_where=text("state IN ('queued', 'deferred', 'in-doubt')")),
    Index("digests_under_way", "lease_until", postgresql_where=text("state = 'sending'")),
    Index("digests_about", "about", "revision", postgresql_where=text("about IS NOT NULL")),
    Index("digests_to_forget", "forget_at", postgresql_where=text("forget_at IS NOT NULL")),
)

digest_attempts = Table(
    "digest_attempts",
    metadata,
    Column("digest_id", UUID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", TIME, nullable=False),
    Column("ended_at", TIME),
    Column("result", Text),
    Column("smtp_code", Integer),
    Column("detail", Text, nullable=False, server_default=""),
)

followed_registrations = Table(
    "followed_registrations",
    metadata,
    Column("registration_id", UUID, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("followed", LargeBinary, nullable=False, comment="the RegistrationFollowed that counts"),
)
