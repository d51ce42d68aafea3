"""Questions to outside sources, and who waits for their answers."""

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from services.attribution.store.tables.base import metadata

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
