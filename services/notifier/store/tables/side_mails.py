"""Mails beside the notifications, so that nobody counts them with those: digests, and claims put to a contact."""

from sqlalchemy import (
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
    Column("due", LargeBinary, nullable=False, comment="the DigestDue, or the ClaimToConfirm"),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    Column("next_attempt_at", TIME),
    Column("lease_until", TIME, comment="while sending: after this the answer counts as lost"),
    Column("sent_at", TIME),
    Column("subject", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("doubts", Integer, nullable=False, server_default="0"),
    Column("kind", Text, nullable=False, server_default="digest", comment="digest or claim; of a claim no partner"),
    Index("digests_newest", "created_at", "id"),
    Index("digests_to_send", "next_attempt_at", postgresql_where=text("state IN ('queued', 'deferred', 'in-doubt')")),
    Index("digests_under_way", "lease_until", postgresql_where=text("state = 'sending'")),
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
