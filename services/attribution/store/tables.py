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
    Column("company_numbers", ARRAY(Text), nullable=False, server_default="{}", comment="of other countries: BE:01234"),
    Column("criticality_source", Text, nullable=False, server_default="registered"),
    Column("criticality_decided_at", DateTime(timezone=True)),
    Column("criticality_by", Text),
)

merged_organisation = Table(
    "merged_organisation",
    metadata,
    Column("organisation_id", UUID, primary_key=True),
    Column("into_id", ForeignKey("organisation.organisation_id", ondelete="CASCADE"), nullable=False),
    Column("merged_at", DateTime(timezone=True), nullable=False),
    Column("merged_by", Text, nullable=False),
    Index("merged_organisation_by_into", "into_id"),
    comment="where an organisation went that was the same as another one",
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
    Column("contested", Boolean, nullable=False, server_default="false"),
    Column("proof_state", Text, nullable=False, server_default="proven"),
    Column("proof_method", Text, server_default="desk"),
    Column("proof_token", Text),
    Column("challenged_at", DateTime(timezone=True)),
    Column("proven_at", DateTime(timezone=True)),
    Column("proven_until", DateTime(timezone=True)),
    Column("proof_by", Text),
    Column("proof_note", Text),
    Column("check_at", DateTime(timezone=True)),
    Column("misses", SmallInteger, nullable=False, server_default="0"),
    Column("unanswered", SmallInteger, nullable=False, server_default="0"),
    Column("missing_since", DateTime(timezone=True)),
    UniqueConstraint("organisation_id", "kind", "value"),
    Index("organisation_asset_by_value", "kind", "value"),
    Index("organisation_asset_by_organisation", "organisation_id", "asset_id"),
    Index("organisation_asset_untold", "asset_id", postgresql_where=text("NOT is_told")),
    Index("organisation_asset_to_check", "check_at", postgresql_where=text("check_at IS NOT NULL")),
    Index("organisation_asset_by_proof", "proof_state", "asset_id"),
    comment="value is canonical; of proof_state proven and not contested, or it is nobody's",
)

asset_conflict = Table(
    "asset_conflict",
    metadata,
    Column("conflict_id", UUID, primary_key=True),
    Column("first_id", ForeignKey("organisation_asset.asset_id", ondelete="CASCADE"), nullable=False),
    Column("second_id", ForeignKey("organisation_asset.asset_id", ondelete="CASCADE"), nullable=False),
    Column("relation", Text, nullable=False),
    Column("contests_first", Boolean, nullable=False),
    Column("contests_second", Boolean, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("keep", Text),
    Column("note", Text),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    UniqueConstraint("first_id", "second_id"),
    Index("asset_conflict_by_second", "second_id"),
    Index("asset_conflict_open", "found_at", "conflict_id", postgresql_where=text("decided_at IS NULL")),
    comment="two organisations claim what can't be both of theirs; first was registered first",
)

organisation_change = Table(
    "organisation_change",
    metadata,
    Column("change_id", UUID, primary_key=True),
    Column("organisation_id", UUID, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Index("organisation_change_by_organisation", "organisation_id", "change_id"),
    comment="who changed what of an organisation; outlives it",
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
    Column("channel", Text, nullable=False, server_default="mail"),
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True)),
    Column("pgp_key", Text),
    Column("smime_certificate", Text),
    UniqueConstraint("organisation_id", "email"),
)

learnt_asset = Table(
    "learnt_asset",
    metadata,
    Column("owned_part", Text, primary_key=True, comment="a name; an address or AS where the asset has no name"),
    Column("organisation_id", ForeignKey("organisation.organisation_id", ondelete="CASCADE")),
    Column("recipient", Text, comment="whom to write instead of an organisation; neither: there is nobody to warn"),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), comment="null: for good"),
    Column("note", Text, nullable=False, server_default=""),
    Index("learnt_asset_by_organisation", "organisation_id"),
    comment="whose an asset is, or who hears of it, because a person said so",
)

directory_version = Table(
    "directory_version",
    metadata,
    Column("single", SmallInteger, primary_key=True, server_default=text("1")),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("single = 1", name="directory_version_is_one_row"),
    comment="rises with every change of organisations, in the same transaction",
)

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
    Column("candidates", Text),
    Column("confidence", Double, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    comment="the first decision on an indicator; it stands, whatever the directory says later",
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

answer = Table(
    "answer",
    metadata,
    Column("source", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("good_until", DateTime(timezone=True), nullable=False),
    Index("answer_by_age", "good_until"),
    comment="the last that each outside source said of each subject; it serves every threat until good_until",
)

enquiry = Table(
    "enquiry",
    metadata,
    Column("source", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("urgency", SmallInteger, nullable=False, comment="1 is the most urgent"),
    Column("wanted_since", DateTime(timezone=True), nullable=False),
    Column("next_try_at", DateTime(timezone=True), nullable=False, comment="ahead also while it is being asked"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Index("enquiry_due", "source", "urgency", "next_try_at"),
    comment="questions to outside sources that have no answer yet",
)

pending_threat = Table(
    "pending_threat",
    metadata,
    Column("indicator_id", UUID, primary_key=True),
    Column("submission_id", UUID, nullable=False),
    Column("threat", Text, nullable=False),
    Column("arrived_at", DateTime(timezone=True), nullable=False),
    Column("decide_by", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="when to decide: an answer brings it forward"),
    Column("decided", Boolean, nullable=False, server_default="false"),
    Index("pending_threat_due", "due_at"),
    comment="threats that stand aside for an answer; decided ones found nobody, and an answer may still change that",
)

pending_question = Table(
    "pending_question",
    metadata,
    Column("source", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("indicator_id", ForeignKey("pending_threat.indicator_id", ondelete="CASCADE"), primary_key=True),
    Index("pending_question_by_threat", "indicator_id"),
    comment="which threats stand aside for which answer",
)
