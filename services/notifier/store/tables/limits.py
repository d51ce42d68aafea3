"""What keeps mails back: suppressions, amounts, brakes and holds."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from services.notifier.store.tables.base import TIME, metadata

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("value", Text, nullable=False, comment="an address, or a domain with its subdomains"),
    Column("incident", Text, nullable=False, server_default="", comment="empty: whatever it is about"),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("until", TIME, comment="it ends then; none: when somebody ends it"),
    Column("ended_at", TIME, comment="when somebody did"),
    Column("ended_by", Text),
    UniqueConstraint("value", "incident"),
)

daily_mails = Table(
    "daily_mails",
    metadata,
    Column("day", Date, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("mails", Integer, nullable=False),
    postgresql_with={"fillfactor": 50},
)

brakes = Table(
    "brakes",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("engaged", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", TIME, nullable=False),
    Column("changed_by", Text, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", TIME, nullable=False),
    Column("waits_since", TIME, comment="when the first mail was kept back"),
    Column("asked_by", Text),
    Column("asked_at", TIME),
    Column("ended_by", Text),
    Column("ended_at", TIME),
    Column("note", Text, nullable=False, server_default=""),
    Column("released_mails", Integer),
    Column("released_records", Integer),
    Index("holds_standing", "scope", "value", "kind", unique=True, postgresql_where=text("state = 'standing'")),
    Index("holds_of", "scope", "value", "since"),
    Index("holds_newest", "since", "id"),
)

volumes = Table(
    "volumes",
    metadata,
    Column("day", Date, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("writer", SmallInteger, primary_key=True),
    Column("mails", Integer, nullable=False),
    Column("records", Integer, nullable=False),
)

brake_decisions = Table(
    "brake_decisions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("hold_id", UUID),
    Column("mails", Integer, comment="the amount that was seen"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("is_open", Boolean, nullable=False, server_default="false"),
    Index("brake_decisions_newest", "at", "id"),
    Index("brake_decisions_open", "at", postgresql_where=text("is_open")),
)
