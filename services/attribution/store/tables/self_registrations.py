"""What organisations have registered by themselves."""

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from services.attribution.store.tables.base import metadata

TIME = DateTime(timezone=True)

self_registration = Table(
    "self_registration",
    metadata,
    Column("registration_id", UUID, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("kvk_number", Text),
    Column("assets", Text, nullable=False, comment="JSON, all that is registered"),
    Column("is_withdrawn", Boolean, nullable=False, server_default="false"),
    Column("waiting_since", TIME, nullable=False, comment="since it was heard, while it is not in place"),
    Column("taken_up", Integer, nullable=False, server_default="0", comment="the revision in place"),
    Column("taken_up_at", TIME),
    Column("organisation_id", UUID, comment="outlives it: what the desk has removed is not added again"),
    Column("contact_id", UUID),
    Column("follow_at", TIME, comment="when to see whether there is something to tell"),
    Column("told_revision", Integer, nullable=False, server_default="0"),
    Column("told", Text, comment="JSON, what was told last"),
    Index("self_registration_waiting", "waiting_since", postgresql_where=text("revision > taken_up")),
    Index("self_registration_to_follow", "follow_at", postgresql_where=text("follow_at IS NOT NULL")),
    Index("self_registration_of_organisation", "organisation_id"),
    comment="what organisations have registered by themselves, as it was heard last",
)

self_registered_asset = Table(
    "self_registered_asset",
    metadata,
    Column("registration_id", ForeignKey("self_registration.registration_id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("asset_id", UUID, comment="the claim that follows from it; outlives it"),
    Column("is_own", Boolean, nullable=False, comment="the claim was made for it, and goes with it"),
    Column("step", Text, comment="look or ask; null: nothing is to be done"),
    Column("due_at", TIME, comment="of the step; ahead also while it is being done"),
    Column("begun_at", TIME, nullable=False),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("refusal", Text, nullable=False, server_default="", comment="why no contact could be asked"),
    Index("self_registered_asset_by_asset", "asset_id"),
    Index("self_registered_asset_due", "step", "due_at", postgresql_where=text("step IS NOT NULL")),
    Index("self_registered_asset_without_contact", "begun_at", postgresql_where=text("refusal <> ''")),
    comment="what is in place of a registration, and what is to be done for it next",
)
