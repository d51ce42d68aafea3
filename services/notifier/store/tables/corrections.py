"""What turned out to be wrong, and what takes it back."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import UUID

from services.notifier.store.tables.base import TIME, metadata

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("threat_id", UUID, primary_key=True),
    Column("withdrawal_id", UUID, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("corrects", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", TIME, nullable=False, comment="it is about what had been received until then"),
)

registered_assets = Table(
    "registered_assets",
    metadata,
    Column("asset", Text, primary_key=True, comment="organisation, kind and value: the key of the AssetRegistered"),
    Column("is_registered", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("at", TIME, nullable=False),
)

corrections = Table(
    "corrections",
    metadata,
    Column("original_id", UUID, primary_key=True),
    Column("threat_id", UUID, primary_key=True),
    Column("correction_id", UUID, nullable=False, comment="the notification that says so"),
    Column("withdrawal_id", UUID, nullable=False),
    Index("corrections_of_notification", "correction_id"),
)
