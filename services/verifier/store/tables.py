"""The tables."""

from sqlalchemy import ARRAY, Boolean, Column, Date, DateTime, Float, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from libs.common.outbox import outbox_table

metadata = MetaData()

verdicts = Table(
    "verdicts",
    metadata,
    Column("indicator_id", UUID, primary_key=True),
    Column("threat_id", UUID, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("partner", Text, nullable=False),
    Column("incident", Text),
    Column("verdict", Text, nullable=False),
    Column("outcome", Text),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("reasons", Text, nullable=False, comment="JSON: every check's finding"),
    Column("indicator", Text, nullable=False, comment="JSON: the event raw-indicator as it came"),
    Column("first_seen_at", DateTime(timezone=True), nullable=False),
    Column("rules_version", Text, nullable=False),
    Column("judged_at", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text),
    Column("note", Text),
    Column("is_test", Boolean, nullable=False, server_default="false"),
    Column("reopened", Text, comment="JSON: when and why the threat had been closed that is news again"),
)
Index("verdicts_of_threat", verdicts.c.threat_id)
Index("verdicts_held", verdicts.c.judged_at, verdicts.c.indicator_id, postgresql_where=verdicts.c.outcome == "held")

threats = Table(
    "threats",
    metadata,
    Column("threat_id", UUID, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("first_seen_at", DateTime(timezone=True), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("sightings", Integer, nullable=False),
    Column("partners", ARRAY(Text), nullable=False),
    Column("announced_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("closed_reason", Text),
    Column("is_test", Boolean, nullable=False, server_default="false"),
)
Index("threats_of_asset", threats.c.asset)
Index("threats_of_incident", threats.c.incident, threats.c.threat_id)

false_positives = Table(
    "false_positives",
    metadata,
    Column("false_positive_id", UUID, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("identifier", Text),
    Column("threat_id", UUID, comment="if set, only this threat is wrong, not all that is found at its asset"),
    Column("reason", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False),
    Column("added_by", Text, nullable=False),
)
Index("false_positives_of_asset", false_positives.c.asset)

incidents = Table(
    "incidents",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("category", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("content", Text, nullable=False, comment="JSON: matches, CVE ids and advisory"),
    Column("revision", Integer, nullable=False),
    Column("origin", Text, nullable=False, comment="shipped, until a person changes it; then desk"),
    Column("author", Text, nullable=False),
    Column("approver", Text),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

exploited = Table(
    "exploited",
    metadata,
    Column("cve_id", Text, primary_key=True),
    Column("vendor", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("added_on", Date, nullable=False),
    Column("by_ransomware", Boolean, nullable=False),
)

exploit_forecasts = Table(
    "exploit_forecasts",
    metadata,
    Column("cve_id", Text, primary_key=True),
    Column("forecast", Float, nullable=False),
)

exploitation_editions = Table(
    "exploitation_editions",
    metadata,
    Column("source", Text, primary_key=True, comment="kev: the table exploited; epss: the table exploit_forecasts"),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("entries", Integer, nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
    Column("imported_by", Text, nullable=False),
)

outbox = outbox_table(metadata)
