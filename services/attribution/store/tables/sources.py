"""What registries say, as it was brought in."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Identity,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from services.attribution.store.tables.base import metadata

source_version = Table(
    "source_version",
    metadata,
    Column("version_id", Integer, Identity(), primary_key=True),
    Column("source", Text, nullable=False),
    Column("made_on", Date, nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
    Column("digest", Text, nullable=False),
    Column("file_digest", Text, nullable=False),
    Column("file_parts", Integer, nullable=False),
    Column("counts", JSONB, nullable=False),
    comment="what is in of a source: the newest of its versions serves, the others are removed with it",
)

source_column = Table(
    "source_column",
    metadata,
    Column("version_id", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("slice", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    comment="a part of a packed column of millions of rows, compressed with zstd",
)

# What follows up to `delegation` is what the release before this one reads and writes. It stays for one release, so
# that old and new replicas can run side by side.

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
    Column("share_done", Double, nullable=False, server_default=text("0")),
    Column("is_preview", Boolean, nullable=False, server_default="false"),
    Column("changes", Text, comment="what a file of organisations changes"),
    Column("is_waiting", Boolean, nullable=False, server_default="false", comment="its turn"),
)
