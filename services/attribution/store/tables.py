"""The tables of this service's own database."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from libs.common.outbox import outbox_table

metadata = MetaData()

outbox = outbox_table(metadata)

organisation = Table(
    "organisation",
    metadata,
    Column("organisation_id", UUID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("other_names", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("kvk_number", Text, unique=True),
    Column("sector", Text),
    Column("country", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("criticality", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

organisation_asset = Table(
    "organisation_asset",
    metadata,
    Column("asset_id", UUID, primary_key=True),
    Column("organisation_id", ForeignKey("organisation.organisation_id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("is_told", Boolean, nullable=False, server_default="false"),
    UniqueConstraint("kind", "value"),
    Index("organisation_asset_by_organisation", "organisation_id", "asset_id"),
    Index("organisation_asset_untold", "asset_id", postgresql_where=text("NOT is_told")),
    comment="value is canonical, so that one asset has one claim; claims of different size may overlap",
)

organisation_contact = Table(
    "organisation_contact",
    metadata,
    Column("contact_id", UUID, primary_key=True),
    Column("organisation_id", ForeignKey("organisation.organisation_id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("language", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("organisation_id", "email"),
)

learnt_asset = Table(
    "learnt_asset",
    metadata,
    Column("owned_part", Text, primary_key=True, comment="a name; an address or AS where the asset has no name"),
    Column("organisation_id", ForeignKey("organisation.organisation_id", ondelete="CASCADE"), nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Index("learnt_asset_by_organisation", "organisation_id"),
    comment="whose an asset is, because a person once said so",
)

directory_version = Table(
    "directory_version",
    metadata,
    Column("single", SmallInteger, primary_key=True, server_default=text("1")),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("single = 1", name="directory_version_is_one_row"),
    comment="rises with every change of organisations, in the same transaction",
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("snapshot_id", Integer, Identity(), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("made_on", Date, nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
    comment="one import of a registry's dump; the newest of its kind serves, the others are removed with it",
)

# The rows of a snapshot have no foreign key: checking it for each of millions of them costs minutes.

abuse_desk = Table(
    "abuse_desk",
    metadata,
    Column("snapshot_id", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
)

network_range = Table(
    "network_range",
    metadata,
    Column("snapshot_id", Integer, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("first", LargeBinary, nullable=False),
    Column("last", LargeBinary, nullable=False),
    Column("netname", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("country", Text),
    Column("status", Text, nullable=False),
    Column("abuse_desk", Integer),
    Column("inherited_from", Integer),
    comment="sorted by position, from 0; big-endian addresses; inherited_from: position of whose abuse desk it has",
)

network_route = Table(
    "network_route",
    metadata,
    Column("snapshot_id", Integer, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("first", LargeBinary, nullable=False),
    Column("last", LargeBinary, nullable=False),
    Column("origins", ARRAY(BigInteger), nullable=False),
)

network_system = Table(
    "network_system",
    metadata,
    Column("snapshot_id", Integer, primary_key=True),
    Column("asn", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("abuse_desk", Integer),
)

delegation = Table(
    "delegation",
    metadata,
    Column("snapshot_id", Integer, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("first", LargeBinary, nullable=False),
    Column("last", LargeBinary, nullable=False),
    Column("country", Text, nullable=False),
)

import_run = Table(
    "import_run",
    metadata,
    Column("import_id", UUID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("bytes_total", BigInteger, nullable=False),
    Column("bytes_read", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("skipped", JSONB, nullable=False),
    Column("errors", JSONB, nullable=False),
    Column("message", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

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
    Column("confidence", Double, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    comment="the first decision on an indicator; it stands, whatever the directory says later",
)

continuation = Table(
    "continuation",
    metadata,
    Column("target_id", UUID, primary_key=True, comment="the target whose recipient could not be reached"),
    Column("route", Text, nullable=False),
    Column("recipient", Text, comment="none: nobody is left"),
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
    Index("unattributed_waiting", "waiting_since", "target_id", postgresql_where=text("decided_at IS NULL")),
    comment="threats for which nobody was found, until a person names somebody",
)
