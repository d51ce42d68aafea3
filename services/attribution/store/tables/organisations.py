"""Organisations, what they claim, and what people have said."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from services.attribution.store.tables.base import metadata

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
