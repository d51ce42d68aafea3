"""The tables."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
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
    Column("listed", Text, comment="JSON: whose it is, by the list of those whom another team warns"),
)
Index("verdicts_of_threat", verdicts.c.threat_id)
Index("verdicts_by_time", verdicts.c.judged_at, postgresql_using="brin")
Index("verdicts_held", verdicts.c.judged_at, verdicts.c.indicator_id, postgresql_where=verdicts.c.outcome == "held")
Index(
    "verdicts_held_of_incident",
    verdicts.c.incident,
    verdicts.c.judged_at,
    verdicts.c.indicator_id,
    postgresql_where=text("outcome = 'held' AND NOT is_test"),
)
Index(
    "verdicts_held_of_threat",
    verdicts.c.threat_id,
    verdicts.c.partner,
    verdicts.c.judged_at.desc(),
    verdicts.c.indicator_id.desc(),
    postgresql_where=text("outcome = 'held' AND NOT is_test AND reason IN ('confidence', 'incident')"),
)

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
    Column("sources", ARRAY(Text), nullable=False, server_default="{}", comment="who found it; empty: its partners"),
    Column("trusted_until", DateTime(timezone=True), comment="until then nobody is asked about it"),
    Column("trusted_by", Text),
    Column("quiet_at", DateTime(timezone=True)),
    Column("first_warned_at", DateTime(timezone=True)),
    Column("last_warned_at", DateTime(timezone=True)),
    Column("reopenings", Integer, nullable=False, server_default="0"),
    Column("told_urgency", SmallInteger, comment="the worst severity told since it was last opened; 0 is critical"),
    Column(
        "is_doubted", Boolean, nullable=False, server_default="false", comment="all who found it would be held alone"
    ),
)
Index("threats_of_asset", threats.c.asset)
Index("threats_of_incident", threats.c.incident, threats.c.threat_id)
# No threat is in one of these when it is first stored, nor moves in them when it is seen again: they cost the feeds
# nothing.
Index("threats_quiet", threats.c.threat_id, postgresql_where=text("quiet_at IS NOT NULL AND closed_at IS NULL"))
Index("threats_closed", threats.c.threat_id, postgresql_where=threats.c.closed_at.is_not(None))
Index("threats_warned", threats.c.first_warned_at, postgresql_where=threats.c.first_warned_at.is_not(None))

reports = Table(
    "reports",
    metadata,
    Column("partner", Text, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("reported_at", DateTime(timezone=True), comment="null: nothing came, a recipient answered"),
    Column("verified", BigInteger, nullable=False, comment="threats that are new with this partner"),
    Column("wrong", BigInteger, nullable=False, comment="threats that their recipients called wrong"),
)
"""What each batch brings is added at the end, so it has no key; all that there is of a feed is its rows together."""

false_positives = Table(
    "false_positives",
    metadata,
    Column("false_positive_id", UUID, primary_key=True),
    Column("asset", Text),
    Column("identifier", Text),
    Column("threat_id", UUID, comment="if set, only this threat is wrong, not all that is found at its asset"),
    Column("ip_range", Text, comment="this and all other conditions that are set must hold"),
    Column("domain", Text),
    Column("partner", Text),
    Column("incident", Text),
    Column("rule", Text, comment="of the source: a tag, a report's type, a signature"),
    Column("reason", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False),
    Column("added_by", Text, nullable=False),
)
Index("false_positives_of_asset", false_positives.c.asset)
Index("false_positives_anywhere", false_positives.c.expires_at, postgresql_where=false_positives.c.asset.is_(None))

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", UUID, primary_key=True),
    Column("indicator_id", UUID, nullable=False),
    Column("decision", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("remembered_until", DateTime(timezone=True)),
    Column("before", Text, nullable=False, comment="JSON: the verdict that it took the place of"),
    Column("undone_at", DateTime(timezone=True)),
    Column("undone_by", Text),
    Column("undo_note", Text),
)
Index("decisions_of_indicator", decisions.c.indicator_id)

confirmations = Table(
    "confirmations",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("threat_id", UUID, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("after", UUID, nullable=False, comment="the last of its held records that was judged anew"),
)
"""Threats that somebody else has found too: what is held of them is to be judged anew. Only ever added to and taken
from, so that batches never wait for each other."""

rule_files = Table(
    "rule_files",
    metadata,
    Column("revision", Integer, primary_key=True),
    Column("text", Text, nullable=False, comment="TOML, as its author wrote it"),
    Column("note", Text, nullable=False),
    Column("put_at", DateTime(timezone=True), nullable=False),
    Column("put_by", Text, nullable=False),
)

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
    Column("evidence", Text, comment="JSON: why it was opened, where no person opened it"),
)

incident_moves = Table(
    "incident_moves",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("threats_after", UUID, comment="how far the threats have got; null: all have moved"),
    Column("held_after_at", DateTime(timezone=True), nullable=False),
    Column("held_after_id", UUID, nullable=False),
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

country_editions = Table(
    "country_editions",
    metadata,
    Column("source", Text, primary_key=True, comment="the registry whose delegated file it is"),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("entries", Integer, nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
    Column("imported_by", Text, nullable=False),
)

country_stretches = Table(
    "country_stretches",
    metadata,
    Column("source", Text, primary_key=True),
    Column("space", Text, primary_key=True),
    Column("starts", LargeBinary, nullable=False),
    Column("lows", LargeBinary, nullable=False),
    Column("owners", LargeBinary, nullable=False),
    comment="big-endian columns, one row for all of a registry's space; an owner is a country's two letters, or 0",
)

registered_assets = Table(
    "registered_assets",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("organisation_id", UUID, primary_key=True),
    Column("space", Text, comment="of an ip-range, with its first and last address, big-endian"),
    Column("first", LargeBinary),
    Column("last", LargeBinary),
    Column("is_registered", Boolean, nullable=False, comment="false: taken back; kept, as an older word may come late"),
    Column("revision", BigInteger, nullable=False),
    Column("said_at", DateTime(timezone=True), nullable=False),
)

registered_versions = Table(
    "registered_versions",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    comment="rises with every batch that changes registered assets of the kind, in the same transaction",
)

outbox = outbox_table(metadata)
