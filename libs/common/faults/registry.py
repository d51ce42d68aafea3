"""The registry: every fault that has a name, what happens then, and where."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a fault strikes."""

    CRASH = "crash"
    CRASH_SOON = "crash-soon"
    STALL = "stall"
    REFUSAL = "refusal"
    NO_ROOM = "no-room"
    CUT = "cut"
    HALF_CLOSE = "half-close"
    SILENCE = "silence"
    CLOCK_JUMP = "clock-jump"
    CLOCK_SLIP = "clock-slip"
    GARBAGE = "garbage"
    HASTE = "haste"


class Point(StrEnum):
    """A place in the flow at which a fault can strike; a test holds that the code reaches each of them."""

    TRANSACTION = "transaction"
    TRANSACTION_OPEN = "transaction-open"
    CLOCK_READ = "clock-read"
    BATCH_HANDLED = "batch-handled"
    BATCH_COMMITTED = "batch-committed"
    BATCH_PUBLISHED = "batch-published"
    OFFSETS_COMMITTED = "offsets-committed"
    PUBLISHING = "publishing"
    PUBLISHED_UNCONFIRMED = "published-unconfirmed"
    PUBLISHED = "published"
    OUTBOX_TAKEN = "outbox-taken"
    OUTBOX_PUBLISHED = "outbox-published"
    OUTBOX_DELETED = "outbox-deleted"
    OUTBOX_COMMITTED = "outbox-committed"
    PAYLOAD_DRAFTED = "payload-drafted"
    PAYLOAD_WRITTEN = "payload-written"
    PAYLOAD_KEPT = "payload-kept"
    SUBMISSION_STORED = "submission-stored"
    SLICE_STORED = "slice-stored"
    SLICE_PUBLISHED = "slice-published"
    SUBMISSION_FINISHED = "submission-finished"
    WEBHOOK_ANSWERED = "webhook-answered"
    QUESTIONS_TAKEN = "questions-taken"
    QUESTIONS_COMMITTED = "questions-committed"
    QUESTION_BEGUN = "question-begun"
    SOURCE_ANSWERED = "source-answered"
    SOURCE_ANSWER_WRITTEN = "source-answer-written"
    SOURCE_ANSWER_COMMITTED = "source-answer-committed"
    WAITING_DECIDED = "waiting-decided"
    WAITING_COMMITTED = "waiting-committed"
    GROUPS_MADE = "groups-made"
    GROUPS_COMMITTED = "groups-committed"
    CLAIM_MADE = "claim-made"
    CLAIM_COMMITTED = "claim-committed"
    MAIL_ADDRESSED = "mail-addressed"
    MAIL_ANSWERED = "mail-answered"
    ANSWERS_WRITTEN = "answers-written"
    ANSWERS_COMMITTED = "answers-committed"
    MAIL_OFFERED = "mail-offered"
    MAIL_TAKEN = "mail-taken"
    PUSH_BEGUN = "push-begun"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a point, and in words what that is like; `meaning` completes "the process …", "the relay …"."""

    name: str
    kind: Kind
    point: Point
    meaning: str


def _by_name(*faults: Fault) -> Mapping[str, Fault]:
    return {fault.name: fault for fault in faults}


EVERYWHERE = _by_name(
    Fault("crash-before-commit", Kind.CRASH, Point.BATCH_HANDLED, "dies with a batch handled and nothing kept"),
    Fault("crash-after-commit", Kind.CRASH, Point.BATCH_COMMITTED, "dies with a batch kept and none of it published"),
    Fault("crash-before-publish", Kind.CRASH, Point.PUBLISHING, "dies before events reach the broker"),
    Fault("crash-within-publish", Kind.CRASH, Point.PUBLISHED_UNCONFIRMED, "dies while the broker is taking events"),
    Fault("crash-after-publish", Kind.CRASH, Point.PUBLISHED, "dies with events confirmed and nothing else done"),
    Fault("crash-before-offsets", Kind.CRASH, Point.BATCH_PUBLISHED, "dies with a batch done, its offsets not moved"),
    Fault("crash-after-offsets", Kind.CRASH, Point.OFFSETS_COMMITTED, "dies between two batches"),
    Fault("crash-outbox-taken", Kind.CRASH, Point.OUTBOX_TAKEN, "dies with the outbox read"),
    Fault("crash-outbox-published", Kind.CRASH, Point.OUTBOX_PUBLISHED, "dies with the outbox published, not emptied"),
    Fault("crash-outbox-deleted", Kind.CRASH, Point.OUTBOX_DELETED, "dies before the emptied outbox is committed"),
    Fault("crash-outbox-committed", Kind.CRASH, Point.OUTBOX_COMMITTED, "dies with the outbox emptied"),
    Fault("slow-database", Kind.STALL, Point.TRANSACTION, "waits for a connection to the database"),
    Fault("slow-transaction", Kind.STALL, Point.BATCH_HANDLED, "keeps a batch's locks for long"),
    Fault("slow-publish", Kind.STALL, Point.PUBLISHING, "waits for the broker"),
    Fault("slow-confirmation", Kind.STALL, Point.PUBLISHED, "hears late that the broker has its events"),
    Fault("slow-offsets", Kind.STALL, Point.BATCH_PUBLISHED, "is late with its offsets"),
    Fault("database-refuses", Kind.REFUSAL, Point.TRANSACTION, "gets no connection to the database"),
    Fault("commit-refused", Kind.REFUSAL, Point.BATCH_HANDLED, "loses the database before a batch is committed"),
    Fault("broker-refuses", Kind.REFUSAL, Point.PUBLISHING, "does not reach the broker"),
    Fault("confirmation-lost", Kind.REFUSAL, Point.PUBLISHED, "does not hear that the broker has its events"),
    Fault("database-cut", Kind.CUT, Point.TRANSACTION_OPEN, "loses its connection to the database in a transaction"),
    Fault("database-half-closed", Kind.HALF_CLOSE, Point.TRANSACTION_OPEN, "can't speak to the database any more"),
    Fault("database-silent", Kind.SILENCE, Point.TRANSACTION_OPEN, "hears nothing from the database any more"),
    Fault("clock-ahead", Kind.CLOCK_JUMP, Point.CLOCK_READ, "has its clock put forward, by minutes to days"),
    Fault("clock-behind", Kind.CLOCK_JUMP, Point.CLOCK_READ, "has its clock put back, by minutes to days"),
    Fault("clock-slips", Kind.CLOCK_SLIP, Point.CLOCK_READ, "reads a wrong time once, before or after the right one"),
)
"""What can happen in each service, as all have the same loop, outbox and publisher."""

AT_INTAKE = _by_name(
    Fault("crash-payload-drafted", Kind.CRASH, Point.PAYLOAD_DRAFTED, "dies while a payload comes in"),
    Fault("crash-payload-kept", Kind.CRASH, Point.PAYLOAD_KEPT, "dies with a payload on disk that no row names"),
    Fault("crash-submission-stored", Kind.CRASH, Point.SUBMISSION_STORED, "dies with a submission kept, unanswered"),
    Fault("crash-slice-stored", Kind.CRASH, Point.SLICE_STORED, "dies with records kept and none of them published"),
    Fault("crash-slice-published", Kind.CRASH, Point.SLICE_PUBLISHED, "dies before it notes what it has published"),
    Fault("crash-submission-finished", Kind.CRASH, Point.SUBMISSION_FINISHED, "dies before the partner is answered"),
    Fault("crash-webhook-told", Kind.CRASH, Point.WEBHOOK_ANSWERED, "dies with a partner told, and that not kept"),
    Fault("slow-disk", Kind.STALL, Point.PAYLOAD_DRAFTED, "waits for the payload folder"),
    Fault("disk-full", Kind.NO_ROOM, Point.PAYLOAD_WRITTEN, "finds no room left for a payload on its disk"),
)
"""What can happen beside that where payloads come in."""

AT_ATTRIBUTION = _by_name(
    Fault("crash-questions-taken", Kind.CRASH, Point.QUESTIONS_TAKEN, "dies before its claim on questions is kept"),
    Fault("crash-before-question", Kind.CRASH, Point.QUESTIONS_COMMITTED, "dies with questions claimed and none asked"),
    Fault("crash-within-question", Kind.CRASH_SOON, Point.QUESTION_BEGUN, "dies while it asks an outside source"),
    Fault("crash-after-question", Kind.CRASH, Point.SOURCE_ANSWERED, "dies with a source's answer not written down"),
    Fault(
        "crash-source-answer-written",
        Kind.CRASH,
        Point.SOURCE_ANSWER_WRITTEN,
        "dies before a source's answer is kept",
    ),
    Fault(
        "crash-source-answer-committed",
        Kind.CRASH,
        Point.SOURCE_ANSWER_COMMITTED,
        "dies with a source's answer kept and nobody told of it",
    ),
    Fault(
        "crash-waiting-decided", Kind.CRASH, Point.WAITING_DECIDED, "dies with what waited decided, and that not kept"
    ),
    Fault(
        "crash-waiting-committed",
        Kind.CRASH,
        Point.WAITING_COMMITTED,
        "dies with what waited decided, and none of it published",
    ),
    Fault("slow-question", Kind.STALL, Point.QUESTION_BEGUN, "comes late to a question that it has claimed"),
)
"""What can happen beside that where outside sources are asked."""

AT_NOTIFIER = _by_name(
    Fault("crash-groups-made", Kind.CRASH, Point.GROUPS_MADE, "dies with mails made ready, and that not kept"),
    Fault(
        "crash-groups-committed",
        Kind.CRASH,
        Point.GROUPS_COMMITTED,
        "dies with mails made ready, and none of them sent",
    ),
    Fault("crash-claim-made", Kind.CRASH, Point.CLAIM_MADE, "dies before the intent to send is kept"),
    Fault("crash-claim-committed", Kind.CRASH, Point.CLAIM_COMMITTED, "dies with mails intended and none sent"),
    Fault("crash-before-data", Kind.CRASH, Point.MAIL_ADDRESSED, "dies with a mail addressed and not handed over"),
    Fault("crash-within-data", Kind.CRASH_SOON, Point.MAIL_ADDRESSED, "dies while the relay is taking a mail"),
    Fault("crash-after-data", Kind.CRASH, Point.MAIL_ANSWERED, "dies with the relay's answer not written down"),
    Fault("crash-answers-written", Kind.CRASH, Point.ANSWERS_WRITTEN, "dies before the relay's answers are kept"),
    Fault("crash-answers-committed", Kind.CRASH, Point.ANSWERS_COMMITTED, "dies with the relay's answers kept"),
    Fault("slow-claim", Kind.STALL, Point.CLAIM_COMMITTED, "comes late to what it has claimed"),
    Fault("slow-sending", Kind.STALL, Point.MAIL_ADDRESSED, "pauses within a dialogue with the relay"),
    Fault("smtp-cut", Kind.CUT, Point.MAIL_ADDRESSED, "loses its connection to the relay in a dialogue"),
    Fault("smtp-half-closed", Kind.HALF_CLOSE, Point.MAIL_ADDRESSED, "can't speak to the relay any more"),
    Fault("smtp-silent", Kind.SILENCE, Point.MAIL_ADDRESSED, "hears nothing from the relay any more"),
)
"""What can happen beside that where mails leave."""

AT_THE_RELAY = _by_name(
    Fault("relay-shuts-down", Kind.REFUSAL, Point.MAIL_OFFERED, "answers 421 to the sender and goes on"),
    Fault("relay-greylists", Kind.REFUSAL, Point.MAIL_OFFERED, "answers 451 to the recipient: later, please"),
    Fault("relay-babbles-early", Kind.GARBAGE, Point.MAIL_OFFERED, "answers the recipient with what is no SMTP"),
    Fault("relay-hangs-before-content", Kind.STALL, Point.MAIL_OFFERED, "does not answer DATA"),
    Fault("relay-cuts-within-content", Kind.CUT, Point.MAIL_OFFERED, "hangs up while the content comes in"),
    Fault("relay-is-full", Kind.NO_ROOM, Point.MAIL_TAKEN, "takes the content, and answers 452: stored nothing"),
    Fault("relay-rejects", Kind.REFUSAL, Point.MAIL_TAKEN, "takes the content, and answers 554: never"),
    Fault("relay-hangs-unstored", Kind.STALL, Point.MAIL_TAKEN, "takes the content, stores nothing, never answers"),
    Fault("relay-hangs-stored", Kind.STALL, Point.MAIL_TAKEN, "stores the mail and never answers"),
    Fault("relay-cuts-unstored", Kind.CUT, Point.MAIL_TAKEN, "takes the content, stores nothing, and hangs up"),
    Fault("relay-cuts-stored", Kind.CUT, Point.MAIL_TAKEN, "stores the mail and hangs up instead of answering"),
    Fault("relay-cuts-after-answer", Kind.CUT, Point.MAIL_TAKEN, "stores the mail, answers 250, and hangs up"),
    Fault("relay-half-closes", Kind.HALF_CLOSE, Point.MAIL_TAKEN, "stores the mail, and listens without a word"),
    Fault("relay-babbles-stored", Kind.GARBAGE, Point.MAIL_TAKEN, "stores the mail, and answers with what is no SMTP"),
    Fault("relay-dawdles", Kind.STALL, Point.MAIL_TAKEN, "stores the mail and takes half a second to say so"),
)
"""What can happen between a mail and its answer, of all that RFC 5321 leaves open: deploy/doubles/relay.py does it."""

AT_PARTNERS = _by_name(
    Fault("partner-hangs-up", Kind.CUT, Point.PUSH_BEGUN, "hangs up in the middle of a payload, and pushes it again"),
    Fault("partner-stalls", Kind.STALL, Point.PUSH_BEGUN, "pauses in the middle of a payload"),
    Fault("partner-babbles", Kind.GARBAGE, Point.PUSH_BEGUN, "pushes rubbish first"),
    Fault("partner-is-impatient", Kind.HASTE, Point.PUSH_BEGUN, "does not wait for its answer, and pushes again"),
    Fault("partner-repeats", Kind.HASTE, Point.PUSH_BEGUN, "pushes the same twice at the same time"),
)
"""What partners do to intake: deploy/doubles/partner.py does it."""

FAULTS: Mapping[str, Fault] = {
    **EVERYWHERE,
    **AT_INTAKE,
    **AT_ATTRIBUTION,
    **AT_NOTIFIER,
    **AT_THE_RELAY,
    **AT_PARTNERS,
}

LOSES_AN_ANSWER = frozenset(
    {
        *("smtp-cut", "smtp-half-closed", "smtp-silent"),
        *("relay-hangs-unstored", "relay-hangs-stored"),
        *("relay-cuts-within-content", "relay-cuts-unstored", "relay-cuts-stored", "relay-half-closes"),
        "relay-babbles-stored",
    }
)
"""After these the sender can't know what became of its mail: each may make one doubtful."""
