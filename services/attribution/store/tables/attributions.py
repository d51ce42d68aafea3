"""What was decided, and what waits for a person."""

from sqlalchemy import Column, Date, DateTime, Double, Index, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from services.attribution.store.tables.base import metadata

# JSON as text: nobody asks PostgreSQL for what is inside, so taking it apart and putting it together again would be for
# nothing.

attribution = Table(
    "attribution",
    metadata,
    Column("indicator_id", UUID, primary_key=True),
    Column("submission_id", UUID, nullable=False),
    Column("asset_key", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("outcome", Text),
    Column("reason", Text),
    Column("message", Text),
    Column("recipient", Text),
    Column("candidates", Text),
    Column("confidence", Double, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("copies", Text, comment="teams that hear of it beside the recipient"),
    Column("concerns", Text, comment="whom it concerns, where a team is the recipient"),
    comment="the first decision on an indicator; it stands, whatever the directory says later",
)

continuation = Table(
    "continuation",
    metadata,
    Column("target_id", UUID, primary_key=True, comment="the target whose recipient could not be reached"),
    Column("asked_again", SmallInteger, primary_key=True, server_default="0", comment="how often a person had asked"),
    Column("route", Text, nullable=False),
    Column("recipient", Text, comment="none: nobody is left"),
    Column("concerns", Text, nullable=False, comment="the organisation that a team is told of"),
    Column("confidence", Double, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
)

unattributed = Table(
    "unattributed",
    metadata,
    Column("target_id", UUID, primary_key=True),
    Column("indicator_id", UUID, nullable=False),
    Column("asset_key", Text, nullable=False),
    Column("threat", Text, nullable=False),
    Column("waiting_since", DateTime(timezone=True), nullable=False),
    Column("organisation_id", UUID),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("note", Text, nullable=False, server_default=""),
    Index("unattributed_waiting", "waiting_since", "target_id", postgresql_where=text("decided_at IS NULL")),
    comment="threats for which nobody was found, until a person names somebody",
)

name_at_address = Table(
    "name_at_address",
    metadata,
    Column("address", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("seen_on", Date, nullable=False),
    Index("name_at_address_by_age", "seen_on"),
    comment="registrable domains that records have placed at an address, a bounded number of each",
)
