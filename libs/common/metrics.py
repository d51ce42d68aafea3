"""Every metric of the system, declared once: name, kind, unit, labels, meaning. The documentation is made of these."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)

EVENTS_HANDLED = Counter(
    "tocsin_events_handled", "Events taken from a topic and handled, by service and event", ("service", "event")
)
EVENTS_PUBLISHED = Counter("tocsin_events_published", "Events acknowledged by the broker", ("service", "event"))
BATCH_SECONDS = Histogram(
    "tocsin_batch_seconds",
    "Time from a batch's first statement to its events being acknowledged",
    ("service", "event"),
    buckets=SECONDS,
)
BATCH_RECORDS = Histogram(
    "tocsin_batch_records", "Messages in a batch", ("service",), buckets=(1, 10, 50, 100, 250, 500, 1000, 2000, 5000)
)
DEAD_LETTERS = Counter("tocsin_dead_letters", "Messages put aside because they can never succeed", ("service", "topic"))
RETRIES = Counter("tocsin_retries", "Batches tried again because something was away", ("service",))
CONSUMER_LAG = Gauge("tocsin_consumer_lag_records", "Messages on our partitions that wait for us", ("service", "topic"))
OUTBOX_PUBLISHED = Counter("tocsin_outbox_published", "Events that left an outbox", ("service",))
RECORDS_ACCEPTED = Counter("tocsin_records_accepted", "Records of submissions that could be read", ("format",))
RECORDS_REJECTED = Counter("tocsin_records_rejected", "Records of submissions that could not be read", ("format",))
MAILS_TAKEN = Counter(
    "tocsin_mails_taken", "Mails of partners by what their mail server was told: taken, later, refused", ("answer",)
)
RECORDS_SETTLED = Counter("tocsin_records_settled", "Records that reached an outcome, as intake sees it", ("outcome",))
RECORDS_PENDING = Gauge("tocsin_records_pending", "Accepted records that have no outcome yet")
BACKLOG_RECORDS = Gauge("tocsin_backlog_records", "Events that wait in the topics from intake to the notifier")
UNREAD_BYTES = Gauge("tocsin_unread_bytes", "Size of the payloads that are kept and not read to their end")
OLDEST_UNSETTLED_SECONDS = Gauge(
    "tocsin_oldest_unsettled_seconds", "Age of the oldest submission that has such a record: the one honest number"
)
OUTCOME_CONFLICTS = Counter(
    "tocsin_outcome_conflicts", "A second, different, final outcome for a record; anything above 0 is a bug"
)
WEBHOOK_ATTEMPTS = Counter(
    "tocsin_webhook_attempts",
    "Events sent to partners' webhooks, by the state that the attempt left them in",
    ("state",),
)
WEBHOOK_SECONDS = Histogram("tocsin_webhook_seconds", "Time one attempt takes at a partner's webhook", buckets=SECONDS)
WEBHOOKS_DISABLED = Gauge(
    "tocsin_webhooks_disabled", "Webhooks that get nothing any more, because they failed for days or are gone"
)
FEEDS = Gauge(
    "tocsin_feeds", "Feeds of partners by what is to be said of them: learning, usual, unusual, ended", ("state",)
)
FEED_ANOMALIES = Gauge(
    "tocsin_feed_anomalies",
    "1 for what is unusual about a feed and not dismissed: late, more-rows, fewer-rows, unreadable, columns; up to 500",
    ("partner", "format", "report_type", "kind"),
)
DIGESTS_DUE = Counter(
    "tocsin_digests_due",
    "Periods of partners that ended, by whether there was anything to tell: told, empty",
    ("found",),
)
DIGESTS = Counter("tocsin_digests", "Digests to partners, by the state that they entered", ("state",))
CLAIM_MAILS = Counter(
    "tocsin_claim_mails", "Claims put to registries' contacts by mail, by the state that they entered", ("state",)
)
REGISTRATION_MAILS = Counter(
    "tocsin_registration_mails",
    "Mails to organisations that register by themselves, by the state that they entered",
    ("state",),
)
VERDICTS = Counter("tocsin_verdicts", "Verdicts of the verifier", ("verdict",))
THREATS_WARNED = Gauge(
    "tocsin_threats_warned",
    "Threats first warned of within a year, by what became of them: remediated, still-seen, wrong, unknown",
    ("incident", "fate"),
)
MEDIAN_REMEDIATION_DAYS = Gauge(
    "tocsin_median_remediation_days",
    "From the first warning to the remedy, of those remediated; NaN while there are none",
)
DRAFTS_OPENED = Counter("tocsin_drafts_opened", "Draft incidents opened for what came in volume and no incident knew")
SOURCE_ANSWERS = Counter(
    "tocsin_source_answers",
    "Answers of outside sources to attribution, by what came of the question: known, unknown, failed, left-alone",
    ("source", "answer"),
)
SECONDS_AT_SOURCES = Histogram(
    "tocsin_source_seconds", "Time that an outside source takes over a question", ("source",), buckets=SECONDS
)
SOURCES_LEFT_ALONE = Gauge(
    "tocsin_source_left_alone", "1 while a source is left alone since it failed again and again", ("source",)
)
ATTRIBUTIONS = Counter("tocsin_attributions", "Attributions by the route that was found", ("route",))
EXPLOITATION_LIST_TIME = Gauge(
    "tocsin_exploitation_list_timestamp_seconds",
    "When the list of exploited vulnerabilities was made (Unix time)",
    ("source",),
)
EXPLOITATION_LIST_MISSING = Gauge(
    "tocsin_exploitation_list_missing",
    "1 for a list of exploited vulnerabilities that should be there and was never brought in",
    ("source",),
)
COUNTRY_LIST_TIME = Gauge(
    "tocsin_country_list_timestamp_seconds",
    "Which day a registry's file of who is registered where describes (Unix time)",
    ("registry",),
)
PROOFS = Counter(
    "tocsin_proofs", "Proofs that assets are an organisation's, by the state that they entered", ("state",)
)
DIRECTORY_RANGES = Gauge("tocsin_directory_ranges", "Network ranges held in memory for look-ups", ("kind",))
DIRECTORY_SOURCE_TIME = Gauge(
    "tocsin_directory_source_timestamp_seconds", "When the data behind look-ups was made (Unix time)", ("kind",)
)
NOTIFICATIONS = Counter("tocsin_notifications", "Notifications by the state that they entered", ("state",))
NOTIFICATIONS_IN_DOUBT = Counter(
    "tocsin_notifications_in_doubt", "Mails whose answer was lost in a crash, and which were sent once more, marked"
)
MAILS_SEALED = Counter(
    "tocsin_mails_sealed",
    "Mails to recipients with a key: `smime` and `openpgp` encrypted, `none` as they are, `withheld` not sent",
    ("scheme",),
)
SIGNING_CERTIFICATE_ENDS = Gauge(
    "tocsin_signing_certificate_ends", "When the certificate ends that signs our mails, as Unix time; 0: none does"
)
DRY_RUN = Gauge("tocsin_dry_run", "1 while the notifier hands over no mail, as its setting says; else 0")
MAILS_REFUSED_FOR_US = Counter(
    "tocsin_mails_refused_for_us", "Mails that a server refused because of us: policy, spam, signature, our sender"
)
HOLDS = Gauge("tocsin_holds", "What keeps mails back until an approver has looked", ("kind",))
MAIL_SECONDS = Histogram("tocsin_mail_seconds", "Time one mail takes at the relay", buckets=SECONDS)
RECORD_TO_MAIL_SECONDS = Histogram(
    "tocsin_record_to_mail_seconds",
    "Time from a record's arrival to the relay's yes to its mail",
    ("severity",),
    buckets=SECONDS,
)
FEEDBACK = Counter("tocsin_feedback", "Answers of recipients", ("kind",))
REGISTRATIONS = Counter(
    "tocsin_registrations",
    "What organisations did on the page where they register by themselves: asked, confirmed, added, taken-back, "
    "withdrawn; and what nobody has confirmed in time: forgotten",
    ("step",),
)
MAILS_RETURNED = Counter(
    "tocsin_mails_returned",
    "Mails that came back, by what they are and how surely they are about ours",
    ("kind", "trust"),
)
OVERDUE = Gauge("tocsin_overdue", "What has been in a state for longer than it may, up to 10,000", ("service", "state"))
OLDEST_SECONDS = Gauge("tocsin_oldest_seconds", "How long the oldest has been in a state", ("service", "state"))
RECONCILIATION_SOUND = Gauge("tocsin_reconciliation_sound", "1 if the last reconciliation found no difference, else 0")
RECONCILIATION_DIFFERENCES = Gauge("tocsin_reconciliation_differences", "Differences that it found")
RECONCILIATION_CHECKED_AT = Gauge(
    "tocsin_reconciliation_checked_at", "When the last reconciliation that came to a verdict began (Unix time)"
)
