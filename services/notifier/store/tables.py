"""The tables. `attributed`, `changed` and `recipient` hold values of `libs.common.contracts` as JSON.

As bytes, since nobody asks for what is in them, and PostgreSQL would parse and print each value otherwise. To look at
one by hand: `convert_from(attributed, 'UTF8')::json`. No foreign keys: they would cost a look-up for each row.
"""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
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
from sqlalchemy.dialects.postgresql import UUID

from libs.common.outbox import outbox_table

metadata = MetaData()

TIME = DateTime(timezone=True)

incidents = Table(
    "incidents",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("changed", LargeBinary, nullable=False, comment="the newest IncidentChanged"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("reference", Text, nullable=False, comment="shared by those that continue one another"),
    Column("recipient_key", Text, nullable=False),
    Column("recipient_domain", Text, nullable=False),
    Column("recipient", LargeBinary, nullable=False),
    Column("recipient_confidence", Double, nullable=False, comment="of the target that names the recipient"),
    Column("incident", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("urgency", SmallInteger, nullable=False, comment="0 is the most urgent; the order of sending"),
    Column("confidence", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default="", comment="why a person decided so"),
    Column("partners", ARRAY(Text), nullable=False),
    Column("targets_total", Integer, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("due_at", TIME, nullable=False, comment="while planned: until then more targets join"),
    Column("queued_at", TIME),
    Column("next_attempt_at", TIME),
    Column("lease_until", TIME, comment="while sending: after this the answer counts as lost"),
    Column("sent_at", TIME),
    Column("subject", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("doubts", Integer, nullable=False, server_default="0"),
    Column("settled", Boolean, nullable=False, server_default="false"),
    Column("decided_by", Text),
    Column("decided_at", TIME),
    Column("is_test", Boolean, nullable=False, server_default="false"),
    Column("kind", Text, nullable=False, server_default="warning"),
    Column("corrects", UUID, comment="of a correction: the notification that was wrong"),
    Column("continues", UUID, comment="the notification that could not reach its recipient"),
    Column("contact", SmallInteger, nullable=False, server_default="1", comment="which one of the ladder's it is to"),
    Column(
        "is_first_to_recipient",
        Boolean,
        nullable=False,
        server_default="false",
        comment="nothing has gone there before, as far as is known until it goes",
    ),
    Column("wait", Text, nullable=False, server_default="", comment="what it waits for, as a code"),
    Column("held_since", TIME, comment="since when it waits for a day with room for it"),
    Column("let_go_at", TIME, comment="when neither the hour nor an amount held it back any more"),
    Column("mail_id", UUID, comment="of several that went in one mail: the one that it is named after"),
    Column("reminder", LargeBinary, comment="of one that tells of nothing new: the Reminder"),
    Column("is_sample", Boolean, nullable=False, server_default="false", comment="goes with a first wave"),
    Column("is_held", Boolean, nullable=False, server_default="false", comment="out of the sender's sight, for a hold"),
    Index("notifications_newest", "created_at", "id"),
    Index("notifications_reference", "reference", unique=True, postgresql_where=text("continues IS NULL")),
    Index("notifications_continued_by", "continues", postgresql_where=text("continues IS NOT NULL")),
    Index("notifications_bounced", "id", postgresql_where=text("state = 'bounced' AND NOT settled")),
    Index("notifications_of_recipient", "recipient_key", "created_at"),
    Index("notifications_of_incident", "incident", "created_at"),
    Index(
        "notifications_to_send",
        "urgency",
        "next_attempt_at",
        postgresql_where=text("state IN ('queued', 'deferred', 'in-doubt') AND NOT is_held"),
    ),
    Index(
        "notifications_held",
        "incident",
        postgresql_where=text("state IN ('queued', 'deferred', 'in-doubt') AND is_held"),
    ),
    Index("notifications_sampled", "incident", postgresql_where=text("is_sample")),
    Index(
        "notifications_to_withdraw",
        "incident",
        "state",
        "due_at",
        postgresql_where=text("state IN ('planned', 'awaiting-approval', 'queued', 'deferred', 'in-doubt')"),
    ),
    Index(
        "notifications_planned",
        text("((recipient_key || ' ') || incident)"),
        unique=True,
        postgresql_where=text("state = 'planned' AND kind = 'warning' AND continues IS NULL"),
    ),
    Index(
        "notifications_continuing",
        "continues",
        "recipient_key",
        unique=True,
        postgresql_where=text("state = 'planned' AND continues IS NOT NULL"),
    ),
    Index(
        "notifications_correcting",
        "corrects",
        unique=True,
        postgresql_where=text("state = 'planned' AND kind = 'correction'"),
    ),
    Index("notifications_corrected_by", "corrects", postgresql_where=text("corrects IS NOT NULL")),
    Index("notifications_under_way", "lease_until", postgresql_where=text("state = 'sending'")),
    Index(
        "notifications_open",
        "state",
        "created_at",
        postgresql_where=text("state NOT IN ('sent', 'failed', 'cancelled', 'bounced', 'rehearsed')"),
    ),
    # Room on each page: while targets join a group, its row changes without a new entry in any index.
    postgresql_with={"fillfactor": 80},
)

# One row for each target, written once. `reason` and `message` say why there is no notification.
targets = Table(
    "targets",
    metadata,
    Column("target_id", UUID, primary_key=True),
    Column("threat_id", UUID, nullable=False),
    Column("submission_id", UUID, nullable=False),
    Column("notification_id", UUID, comment="which mail carries it; none: suppressed"),
    Column("reason", Text),
    Column("message", Text),
    Column("decided_at", TIME, nullable=False),
    Column("fixed_at", TIME, comment="when a recipient called it fixed"),
    Column("left_out_at", TIME, comment="withdrawn, after its outcome was said: not in further copies of its mail"),
    Column("attributed", LargeBinary, nullable=False, comment="the TargetAttributed"),
    Column("first_target_id", UUID, comment="of one that goes on to another contact: the first of its indicator"),
    Column("given_up_at", TIME, comment="when nobody else was left to tell"),
    Index("targets_going_on", "first_target_id", "decided_at", postgresql_where=text("first_target_id IS NOT NULL")),
    Column("copy_of", UUID, comment="the target that has the outcome of both"),
    Index("targets_of_threat", "threat_id"),
    Index("targets_of_notification", "notification_id", postgresql_where=text("notification_id IS NOT NULL")),
)

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

# What each correction takes back. The targets are those of the original.
corrections = Table(
    "corrections",
    metadata,
    Column("original_id", UUID, primary_key=True),
    Column("threat_id", UUID, primary_key=True),
    Column("correction_id", UUID, nullable=False, comment="the notification that says so"),
    Column("withdrawal_id", UUID, nullable=False),
    Index("corrections_of_notification", "correction_id"),
)

# What came back, by mail or on a recipient's page. `heeded_at`: when it took effect; a mail that is under way has to
# come to rest before.
returns = Table(
    "returns",
    metadata,
    Column("return_id", UUID, primary_key=True),
    Column("notification_id", UUID, nullable=False),
    Column("kind", Text, nullable=False),
    Column("trust", Text, nullable=False),
    Column("permanence", Text),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Column("heeded_at", TIME),
    Index("returns_of_notification", "notification_id", "at"),
    Index("returns_to_heed", "at", postgresql_where=text("heeded_at IS NULL")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("notification_id", UUID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", TIME, nullable=False),
    Column("ended_at", TIME),
    Column("result", Text),
    Column("smtp_code", Integer),
    Column("detail", Text, nullable=False, server_default=""),
)

# Only of recipients that have given us a key, or take encrypted mail only.
sealed_mails = Table(
    "sealed_mails",
    metadata,
    Column("notification_id", UUID, primary_key=True),
    Column("scheme", Text, comment="how it is encrypted; none: it is not"),
    Column("fingerprint", Text, nullable=False, server_default="", comment="of the recipient's key"),
    Column("why", Text, nullable=False, server_default="", comment="what was wrong with its keys"),
    Column("carries", LargeBinary, nullable=False, comment="a mark of what the mail tells of"),
    Column("inside", LargeBinary, nullable=False, comment="what leaves at each try; empty: not encrypted"),
    Column("at", TIME, nullable=False),
)

# Beside the notifications, so that nobody counts them with those: digests, and claims put to a registry's contact.
digests = Table(
    "digests",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("partner", Text, nullable=False),
    Column("recipient_key", Text, nullable=False),
    Column("recipient_domain", Text, nullable=False),
    Column("due", LargeBinary, nullable=False, comment="the DigestDue, or the ClaimToConfirm"),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    Column("next_attempt_at", TIME),
    Column("lease_until", TIME, comment="while sending: after this the answer counts as lost"),
    Column("sent_at", TIME),
    Column("subject", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("doubts", Integer, nullable=False, server_default="0"),
    Column("kind", Text, nullable=False, server_default="digest", comment="digest or claim; of a claim no partner"),
    Index("digests_newest", "created_at", "id"),
    Index("digests_to_send", "next_attempt_at", postgresql_where=text("state IN ('queued', 'deferred', 'in-doubt')")),
    Index("digests_under_way", "lease_until", postgresql_where=text("state = 'sending'")),
)

digest_attempts = Table(
    "digest_attempts",
    metadata,
    Column("digest_id", UUID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", TIME, nullable=False),
    Column("ended_at", TIME),
    Column("result", Text),
    Column("smtp_code", Integer),
    Column("detail", Text, nullable=False, server_default=""),
)

# Mails that were let go, by day and by what is counted. Old days are removed.
daily_mails = Table(
    "daily_mails",
    metadata,
    Column("day", Date, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("mails", Integer, nullable=False),
    postgresql_with={"fillfactor": 50},
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("value", Text, nullable=False, comment="an address, or a domain with its subdomains"),
    Column("incident", Text, nullable=False, server_default="", comment="empty: whatever it is about"),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("until", TIME, comment="it ends then; none: when somebody ends it"),
    Column("ended_at", TIME, comment="when somebody did"),
    Column("ended_by", Text),
    UniqueConstraint("value", "incident"),
)

brakes = Table(
    "brakes",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("engaged", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", TIME, nullable=False),
    Column("changed_by", Text, nullable=False),
)

# What keeps mails back until a person has looked. `released_mails`, `released_records`: of the day of the release.
holds = Table(
    "holds",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", TIME, nullable=False),
    Column("waits_since", TIME, comment="when the first mail was kept back"),
    Column("asked_by", Text),
    Column("asked_at", TIME),
    Column("ended_by", Text),
    Column("ended_at", TIME),
    Column("note", Text, nullable=False, server_default=""),
    Column("released_mails", Integer),
    Column("released_records", Integer),
    Index("holds_standing", "scope", "value", "kind", unique=True, postgresql_where=text("state = 'standing'")),
    Index("holds_of", "scope", "value", "since"),
    Index("holds_newest", "since", "id"),
)

# A row for each writer, so that no two processes wait for each other.
volumes = Table(
    "volumes",
    metadata,
    Column("day", Date, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("writer", SmallInteger, primary_key=True),
    Column("mails", Integer, nullable=False),
    Column("records", Integer, nullable=False),
)

# What recipients answered lately, for the figures that an approver sees.
answers = Table(
    "answers",
    metadata,
    Column("feedback_id", UUID, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("notification_id", UUID, comment="none of a rating, which nobody can trace"),
    Column("kind", Text, nullable=False),
    Column("useful", SmallInteger),
    Column("clear", SmallInteger),
    Column("at", TIME, nullable=False),
    Index("answers_of_incident", "incident", "at"),
)

# Who has decided what about mails that wait, and why. One that is open is still being carried out.
brake_decisions = Table(
    "brake_decisions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("hold_id", UUID),
    Column("mails", Integer, comment="the amount that was seen"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("is_open", Boolean, nullable=False, server_default="false"),
    Index("brake_decisions_newest", "at", "id"),
    Index("brake_decisions_open", "at", postgresql_where=text("is_open")),
)

outbox = outbox_table(metadata)
