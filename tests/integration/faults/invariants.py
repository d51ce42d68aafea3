"""What holds whatever strikes: for each fault of the registry a sentence, and what shows it in the evidence of a drill.

That the fault did strike, and that every record has one outcome and no mail came twice without need or mark (the whole
of tests/chaos/ledger.py), is asked for each of them, beside what stands here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from deploy.local.layout import SERVICES
from libs.common.faults import FAULTS, LOSES_AN_ANSWER, Kind
from tests.chaos.listener import repeats
from tests.integration.faults.drill import Evidence
from tests.integration.faults.outside import AT_ONCE

LONGEST_WAIT = timedelta(seconds=110)
"""No lease or pause is longer here; a clock that is put wrong is wrong by more."""

Check = Callable[[Evidence], Iterator[str]]
"""Yields a sentence for what is not as it must be."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """What a fault does not change, in words, and how that is seen."""

    sentence: str
    checks: tuple[Check, ...]


def died(service: str) -> Check:
    """Each crash that struck there ended a process, and another one has taken up its work.

    Who is to die soon may meet another crash before: then two have ended one process.
    """

    def check(evidence: Evidence) -> Iterator[str]:
        lives, crashes = evidence.lives[service], _crashes(evidence, service)
        soon = sum(times for name, times in evidence.struck[service].items() if FAULTS[name].kind is Kind.CRASH_SOON)
        if not crashes or not crashes + 1 - soon <= lives <= crashes + 1:
            yield f"{service} lived {lives} times, and was to die {crashes} times"

    return check


def _crashes(evidence: Evidence, service: str) -> int:
    return sum(times for name, times in evidence.struck[service].items() if name.startswith("crash-"))


def nobody_died(evidence: Evidence) -> Iterator[str]:
    yield from (f"{service} died" for service in SERVICES if evidence.lives[service] > 1)


def every_payload_is_kept(evidence: Evidence) -> Iterator[str]:
    if evidence.lost:
        yield f"{evidence.lost} submissions have no payload on the disk"


def no_payload_is_left(evidence: Evidence) -> Iterator[str]:
    if evidence.strays:
        yield f"{evidence.strays} files on the disk belong to no submission"


def one_stray_a_crash(evidence: Evidence) -> Iterator[str]:
    """A file may be left for whoever sweeps, one for each crash."""
    crashes = _crashes(evidence, "intake")
    if evidence.strays > crashes:
        yield f"{evidence.strays} files on the disk belong to no submission, after {crashes} crashes"


def asked_to_come_later(evidence: Evidence) -> Iterator[str]:
    if not any(status == 503 and retry_after for status, retry_after in evidence.answers):
        yield "no push was answered 503 with Retry-After"


def rubbish_was_refused(evidence: Evidence) -> Iterator[str]:
    if not any(400 <= status < 429 for status, _ in evidence.answers):
        yield "no push was refused"


def repetitions_get_the_first_receipt(evidence: Evidence) -> Iterator[str]:
    if not any(status == 200 for status, _ in evidence.answers):
        yield "no push was answered as a repetition"


def an_event_came_again(evidence: Evidence) -> Iterator[str]:
    if not repeats(evidence.told):
        yield "the partner was told nothing a second time"


def mails_were_in_doubt(evidence: Evidence) -> Iterator[str]:
    """Each answer that was lost is known to be. That second copies are marked, and not too many, the ledger says."""
    lost = sum(
        times for struck in evidence.struck.values() for name, times in struck.items() if name in LOSES_AN_ANSWER
    )
    if evidence.books.doubts < max(lost, 1):
        yield f"{evidence.books.doubts} mails were in doubt, and the relay's answer was lost {lost} times"


def one_mail_failed(evidence: Evidence) -> Iterator[str]:
    failed = [mailing.reason for mailing in evidence.books.mailings.values() if mailing.state == "failed"]
    if failed != ["policy"]:
        yield f"mails that failed: {failed}, not one by the relay's policy"


def all_times_are_true(evidence: Evidence) -> Iterator[str]:
    earliest, latest = evidence.times
    if earliest < evidence.began_at or latest > evidence.ended_at + LONGEST_WAIT:
        yield f"times from {earliest} to {latest} are stored, of a run from {evidence.began_at} to {evidence.ended_at}"


def every_name_was_asked(evidence: Evidence) -> Iterator[str]:
    yield from (f"nobody was asked about {name}" for name, times in evidence.asked.items() if not times)


def asked_again_only_after_a_death(evidence: Evidence) -> Iterator[str]:
    """What was under way when a process ended, and nothing else."""
    again, deaths = sum(times - 1 for times in evidence.asked.values() if times), evidence.lives["attribution"] - 1
    if again > AT_ONCE * deaths:
        yield f"the source was asked {again} times again, after {deaths} deaths"


ASKED = (died("attribution"), every_name_was_asked, asked_again_only_after_a_death)

INVARIANTS: Mapping[str, Invariant] = {
    "crash-before-commit": Invariant("nothing of the batch is kept; it is handled anew", (died("verifier"),)),
    "crash-after-commit": Invariant("the batch comes again and is published from what is stored", (died("verifier"),)),
    "crash-before-publish": Invariant("what never left comes again and leaves once", (died("attribution"),)),
    "crash-within-publish": Invariant("what left comes again with the same ids and is known", (died("verifier"),)),
    "crash-after-publish": Invariant("what left comes again with the same ids and is known", (died("attribution"),)),
    "crash-before-offsets": Invariant("a batch that is done comes again and changes nothing", (died("attribution"),)),
    "crash-after-offsets": Invariant("the next life goes on with the next batch", (died("feedback"),)),
    "crash-outbox-taken": Invariant("what stands in the outbox leaves in the next life", (died("notifier"),)),
    "crash-outbox-published": Invariant("what left the outbox leaves again, and is known", (died("notifier"),)),
    "crash-outbox-deleted": Invariant("what left the outbox leaves again, and is known", (died("notifier"),)),
    "crash-outbox-committed": Invariant("what left the outbox does not leave again", (died("notifier"),)),
    "slow-database": Invariant("a wait for a connection delays and changes nothing", (nobody_died,)),
    "slow-transaction": Invariant("locks that are held for long hold up and break nothing", (nobody_died,)),
    "slow-publish": Invariant("a slow broker delays and changes nothing", (nobody_died,)),
    "slow-confirmation": Invariant("offsets wait for the confirmation of what follows from them", (nobody_died,)),
    "slow-offsets": Invariant("late offsets repeat no batch as long as its consumer lives", (nobody_died,)),
    "database-refuses": Invariant("the batch waits for the database and is handled once", (nobody_died,)),
    "commit-refused": Invariant("nothing of the batch is kept; it is tried again", (nobody_died,)),
    "broker-refuses": Invariant("the batch is kept and is published when the broker is back", (nobody_died,)),
    "confirmation-lost": Invariant("what may have left is sent again with the same ids and is known", (nobody_died,)),
    "database-cut": Invariant("the transaction is void; the batch is tried on a new connection", (nobody_died,)),
    "database-half-closed": Invariant(
        "the transaction is void; the batch is tried on a new connection", (nobody_died,)
    ),
    "database-silent": Invariant("a connection without an answer is given up after the time limit", (nobody_died,)),
    "clock-ahead": Invariant("nothing expires, waits or is dated by a machine's clock", (all_times_are_true,)),
    "clock-behind": Invariant("nothing expires, waits or is dated by a machine's clock", (all_times_are_true,)),
    "clock-slips": Invariant("nothing expires, waits or is dated by a machine's clock", (all_times_are_true,)),
    "crash-payload-drafted": Invariant(
        "what came in half is no payload; its partner pushes again", (died("intake"), one_stray_a_crash)
    ),
    "crash-payload-kept": Invariant(
        "a payload that nobody was answered for belongs to no submission", (died("intake"), one_stray_a_crash)
    ),
    "crash-submission-stored": Invariant(
        "a submission whose answer was lost is read, and a retry gets its receipt",
        (died("intake"), every_payload_is_kept, repetitions_get_the_first_receipt),
    ),
    "crash-slice-stored": Invariant(
        "records that are kept are published in the next life", (died("intake"), every_payload_is_kept)
    ),
    "crash-slice-published": Invariant(
        "records that were published come again with the same ids", (died("intake"), every_payload_is_kept)
    ),
    "crash-submission-finished": Invariant(
        "a submission that is done stays done, and a retry gets its receipt",
        (died("intake"), every_payload_is_kept, repetitions_get_the_first_receipt),
    ),
    "crash-webhook-told": Invariant(
        "an event whose answer is not kept comes again under its id", (died("intake"), an_event_came_again)
    ),
    "slow-disk": Invariant("a slow disk delays the answer and changes nothing", (nobody_died, every_payload_is_kept)),
    "disk-full": Invariant(
        "the push is answered 503 and leaves nothing on the disk; a retry is taken once there is room",
        (nobody_died, asked_to_come_later, no_payload_is_left),
    ),
    "crash-questions-taken": Invariant("a claim that was not kept is none: the next life asks", ASKED),
    "crash-before-question": Invariant("what was claimed is asked when the claim has run its time", ASKED),
    "crash-within-question": Invariant("what has no answer is asked again when the claim has run its time", ASKED),
    "crash-after-question": Invariant("an answer that was not written down is asked for again", ASKED),
    "crash-source-answer-written": Invariant("an answer that was not kept is asked for again", ASKED),
    "crash-source-answer-committed": Invariant("what waits for an answer that is kept is decided by it", ASKED),
    "crash-waiting-decided": Invariant("nothing of the decision is kept; the next life decides", ASKED),
    "crash-waiting-committed": Invariant("what was decided leaves in the next life, once", ASKED),
    "slow-question": Invariant("a question that is asked late is answered late", (nobody_died, every_name_was_asked)),
    "crash-groups-made": Invariant(
        "nothing of the round is kept; the next one makes the mails ready", (died("notifier"),)
    ),
    "crash-groups-committed": Invariant("mails that are ready are sent in the next life", (died("notifier"),)),
    "crash-claim-made": Invariant(
        "an intent that was not kept is none: no mail is in doubt of it", (died("notifier"),)
    ),
    "crash-claim-committed": Invariant(
        "mails that were intended are in doubt, and go out once more, marked", (died("notifier"), mails_were_in_doubt)
    ),
    "crash-before-data": Invariant(
        "a mail that may have left goes out once more, marked", (died("notifier"), mails_were_in_doubt)
    ),
    "crash-within-data": Invariant(
        "a mail that may have left goes out once more, marked", (died("notifier"), mails_were_in_doubt)
    ),
    "crash-after-data": Invariant(
        "a mail that has left unrecorded goes out once more, marked", (died("notifier"), mails_were_in_doubt)
    ),
    "crash-answers-written": Invariant(
        "mails whose answers were not kept go out once more, marked", (died("notifier"), mails_were_in_doubt)
    ),
    "crash-answers-committed": Invariant("mails whose answers are kept do not go out again", (died("notifier"),)),
    "slow-claim": Invariant("a mail that is not begun in time goes back and is sent by the next round", (nobody_died,)),
    "slow-sending": Invariant("a pause within the lease makes no second copy", (nobody_died,)),
    "smtp-cut": Invariant("the mail is in doubt and goes out once more, marked", (nobody_died, mails_were_in_doubt)),
    "smtp-half-closed": Invariant(
        "the mail is in doubt and goes out once more, marked", (nobody_died, mails_were_in_doubt)
    ),
    "smtp-silent": Invariant(
        "the mail is given up after the time limit, and goes out once more, marked", (nobody_died, mails_were_in_doubt)
    ),
    "relay-shuts-down": Invariant("the mail goes out later, once", ()),
    "relay-greylists": Invariant("the mail goes out later, once", ()),
    "relay-babbles-early": Invariant("nothing has left, so the mail goes out later, once", ()),
    "relay-hangs-before-content": Invariant("nothing has left, so the mail goes out later, once", ()),
    "relay-cuts-within-content": Invariant(
        "the mail is in doubt and goes out once more, marked", (mails_were_in_doubt,)
    ),
    "relay-is-full": Invariant("the mail goes out later, once", ()),
    "relay-rejects": Invariant("the mail fails, its records too, and nothing else", (one_mail_failed,)),
    "relay-hangs-unstored": Invariant("the mail is in doubt and goes out once more, marked", (mails_were_in_doubt,)),
    "relay-hangs-stored": Invariant("the mail is in doubt and goes out once more, marked", (mails_were_in_doubt,)),
    "relay-cuts-unstored": Invariant("the mail is in doubt and goes out once more, marked", (mails_were_in_doubt,)),
    "relay-cuts-stored": Invariant("the mail is in doubt and goes out once more, marked", (mails_were_in_doubt,)),
    "relay-cuts-after-answer": Invariant("the answer counts: the mail does not go out again", ()),
    "relay-half-closes": Invariant("the mail is in doubt and goes out once more, marked", (mails_were_in_doubt,)),
    "relay-babbles-stored": Invariant("the mail is in doubt and goes out once more, marked", (mails_were_in_doubt,)),
    "relay-dawdles": Invariant("a late answer is an answer: the mail does not go out again", ()),
    "partner-hangs-up": Invariant("of a payload that broke off nothing is kept", (no_payload_is_left,)),
    "partner-stalls": Invariant("a payload that comes slowly is taken like any other", (every_payload_is_kept,)),
    "partner-babbles": Invariant("rubbish is refused and leaves nothing", (rubbish_was_refused, no_payload_is_left)),
    "partner-is-impatient": Invariant("who asks again is not counted twice", (every_payload_is_kept,)),
    "partner-repeats": Invariant(
        "of two that are the same one is taken, and both get its receipt", (repetitions_get_the_first_receipt,)
    ),
}
