"""The proof after a run: every record is followed through every database and the Maildir, and nothing is left over.

Reads with the superuser's eyes. Each check adds a sentence for what it finds wrong; no sentence means sound.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from pathlib import Path
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.lag import lag_by_service
from deploy.local.topics import wanted_topics
from libs.common.ids import derived_id, record_id
from libs.common.vocabulary import Outcome, RecipientKind
from tests.chaos.mailings import Mailing, mailings, targets_told
from tests.chaos.plan import SERVICES
from tests.chaos.teams import Copy, Wanted, copies_made, reported_in, wrong_with_copies

SHOWN = 5
NEVER = (
    "records twice",
    "verdicts twice",
    "attributions twice",
    "targets twice",
    "recipients told twice of one record",
    "threats without verdict",
    "wrong sizes",
    "open attempts",
)
NOT_DELIVERED = frozenset({Outcome.FAILED, Outcome.SUPPRESSED})


@dataclass(slots=True)
class Books:
    """What everybody says, by indicator; an outcome of None is the next service's to find.

    Attribution has named a team alone for those `handed_over`, and in `take_overs` one for targets whose own recipient
    can't be reached; what teams have `taken_over` at the notifier is its targets by indicator. `reported`: the targets
    that mails to teams tell of, each with its notifications. `news` are the events for partners' webhooks, by state.
    """

    accepted: dict[UUID, str] = field(default_factory=dict)
    verdicts: dict[UUID, str | None] = field(default_factory=dict)
    attributions: dict[UUID, str | None] = field(default_factory=dict)
    copies_wanted: set[Wanted] = field(default_factory=set)
    copies_made: list[Copy] = field(default_factory=list)
    handed_over: set[UUID] = field(default_factory=set)
    take_overs: set[UUID] = field(default_factory=set)
    taken_over: dict[UUID, UUID] = field(default_factory=dict)
    reported: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    targets: dict[UUID, str] = field(default_factory=dict)
    submissions: dict[UUID, tuple[str, int]] = field(default_factory=dict)
    mailings: dict[UUID, Mailing] = field(default_factory=dict)
    heard_of: set[UUID] = field(default_factory=set)
    sums: dict[str, int] = field(default_factory=dict)
    mails: dict[UUID, list[bool]] = field(default_factory=lambda: defaultdict(list))
    outbox: dict[str, int] = field(default_factory=dict)
    lag: dict[str, int] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    news: dict[str, int] = field(default_factory=dict)

    @property
    def doubts(self) -> int:
        return sum(mailing.doubts for mailing in self.mailings.values())

    @property
    def bounced(self) -> int:
        return sum(mailing.state == "bounced" for mailing in self.mailings.values())

    @property
    def to_others(self) -> int:
        """Mails that went to another contact than the first."""
        references = Counter(mailing.reference for mailing in self.mailings.values())
        return sum(references.values()) - len(references)

    @property
    def copies(self) -> int:
        """Mails that are in the Maildir beside the first of their kind."""
        return sum(len(marks) - 1 for marks in self.mails.values())

    @property
    def outcomes(self) -> Mapping[str, int]:
        return Counter(self.accepted.values())


async def open_books(*, postgres: str, kafka: str, maildir: Path | None) -> Books:
    """Read everything, the mails where a Maildir is given. Only once all is settled are the answers of one moment."""
    books = Books()
    for service, read in (
        ("intake", _read_intake),
        ("verifier", _read_verifier),
        ("attribution", _read_attribution),
        ("notifier", _read_notifier),
        ("feedback", _read_feedback),
    ):
        connection = await asyncpg.connect(database_of(postgres, service))
        try:
            await read(connection, books)
            books.outbox[service] = await connection.fetchval("SELECT count(*) FROM outbox")
        finally:
            await connection.close()
    books.lag = await lag_by_service(kafka, services=SERVICES)
    books.dead_letters = await _dead_letters(kafka)
    if maildir is not None:
        _read_mails(maildir, books)
    return books


def database_of(postgres: str, service: str) -> str:
    return postgres.rsplit("/", 1)[0] + f"/{service}"


async def _read_intake(connection: asyncpg.Connection, books: Books) -> None:
    rows = await connection.fetch("SELECT submission_id, record, outcome FROM records WHERE outcome <> 'rejected'")
    books.accepted = {record_id(row["submission_id"], row["record"]): row["outcome"] for row in rows}
    kept = Counter(row["submission_id"] for row in rows)
    books.sums["records twice"] = len(rows) - len(books.accepted)
    found = await connection.fetch("SELECT id, status FROM submissions")
    books.submissions = {row["id"]: (row["status"], kept[row["id"]]) for row in found}
    states = await connection.fetch("SELECT state, count(*) AS events FROM webhook_deliveries GROUP BY state")
    books.news = {row["state"]: row["events"] for row in states}


async def _read_verifier(connection: asyncpg.Connection, books: Books) -> None:
    rows = await connection.fetch("SELECT indicator_id, outcome FROM verdicts")
    books.verdicts = {row["indicator_id"]: row["outcome"] for row in rows}
    books.sums["verdicts twice"] = len(rows) - len(books.verdicts)
    books.sums["sightings"] = await connection.fetchval("SELECT coalesce(sum(sightings), 0)::bigint FROM threats")
    books.sums["released"] = await connection.fetchval(
        "SELECT count(*) FROM verdicts WHERE reasons LIKE '%until somebody else found it too%'"
    )
    books.sums["seen"] = await connection.fetchval("SELECT count(*) FROM verdicts WHERE verdict = 'verified'")
    books.sums["threats without verdict"] = await connection.fetchval(
        "SELECT count(*) FROM threats WHERE threat_id NOT IN (SELECT threat_id FROM verdicts)"
    )


async def _read_attribution(connection: asyncpg.Connection, books: Books) -> None:
    rows = await connection.fetch("SELECT indicator_id, outcome, recipient, copies FROM attribution")
    books.copies_wanted = {
        (row["indicator_id"], copy["recipient"]["email"]) for row in rows for copy in json.loads(row["copies"] or "[]")
    }
    books.handed_over = {row["indicator_id"] for row in rows if _is_team(row["recipient"])}
    continued = await connection.fetch("SELECT target_id, recipient FROM continuation")
    books.take_overs = {row["target_id"] for row in continued if _is_team(row["recipient"])}
    books.attributions = {row["indicator_id"]: row["outcome"] for row in rows}
    books.sums["attributions twice"] = len(rows) - len(books.attributions)
    books.sums["in line"] = await connection.fetchval("SELECT count(*) FROM unattributed")


def _is_team(recipient: str | None) -> bool:
    return recipient is not None and json.loads(recipient)["kind"] == RecipientKind.NATIONAL_CERT


async def _read_notifier(connection: asyncpg.Connection, books: Books) -> None:
    told = await targets_told(connection)
    books.targets = told.outcomes
    books.taken_over = told.taken_over
    books.copies_made = await copies_made(connection)
    books.sums["targets twice"] = told.twice
    books.sums["recipients told twice of one record"] = told.recipients_twice
    books.mailings = await mailings(connection)
    books.sums["wrong sizes"] = sum(each.targets != each.targets_total for each in books.mailings.values())
    books.sums["open attempts"] = sum(each.open_attempts for each in books.mailings.values())


async def _read_feedback(connection: asyncpg.Connection, books: Books) -> None:
    rows = await connection.fetch("SELECT notification_id FROM notifications")
    books.heard_of = {row["notification_id"] for row in rows}
    books.sums["tallied"] = await connection.fetchval("SELECT coalesce(sum(notifications), 0)::bigint FROM tallies")


async def _dead_letters(kafka: str) -> dict[str, int]:
    names = [topic.name for topic in wanted_topics(partitions=1) if topic.name.endswith(".dead-letter")]
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=kafka)
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(name, 0) for name in names])
        return {place.topic: end for place, end in ends.items() if end}
    finally:
        await consumer.stop()


def _read_mails(maildir: Path, books: Books) -> None:
    """By notification: for each copy whether it says that it may be the second. What teams get is read to its end."""
    parser, teams = BytesHeaderParser(), {copy.email for copy in books.copies_made}
    for path in (maildir / "new").iterdir():
        with path.open("rb") as file:
            head = parser.parse(file)
        notification = UUID(str(head["Message-ID"]).strip().strip("<>").partition("@")[0])
        books.mails[notification].append(head["X-Tocsin-Resend"] == "in-doubt")
        if parseaddr(str(head["To"]))[1] in teams:
            for target_id in reported_in(path.read_bytes()):
                books.reported[target_id].add(notification)


def unsettled(books: Books) -> list[str]:
    """What still moves: it may be sound later."""
    counts = {
        "pending records": sum(outcome == Outcome.PENDING for outcome in books.accepted.values()),
        "records held for doubt": sum(outcome == Outcome.HELD for outcome in books.accepted.values()),
        "submissions under way": sum(status == "processing" for status, _ in books.submissions.values()),
        "open notifications": sum(not mailing.is_at_rest for mailing in books.mailings.values()),
        "events in outboxes": sum(books.outbox.values()),
        "messages not read": sum(books.lag.values()),
        "sent mails that feedback has not heard of": len(_sent(books) - books.heard_of),
        "events that partners have not been told": sum(books.news.values()) - books.news.get("delivered", 0),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def faults_in(
    books: Books, *, pushed: Mapping[UUID, int], expected: Mapping[str, int], doubts_at_most: int
) -> list[str]:
    """Everything that is wrong, as sentences. `pushed`: submissions that were answered, with their records."""
    return [
        *unsettled(books),
        *_submissions(books, pushed),
        *_chain(books),
        *wrong_with_copies(books.copies_made, wanted=books.copies_wanted, sent=_sent(books), reported=books.reported),
        *_outcomes(books, expected),
        *_sums(books),
        *_mails(books, doubts_at_most),
        *(f"{count} dead letters in {topic}" for topic, count in books.dead_letters.items()),
    ]


def _submissions(books: Books, pushed: Mapping[UUID, int]) -> Iterator[str]:
    yield from _differ("submissions answered", set(pushed), "submissions kept", set(books.submissions))
    for submission_id, records in pushed.items():
        status, kept = books.submissions.get(submission_id, ("missing", 0))
        if (status, kept) != ("done", records):
            yield f"submission {submission_id} of {records} records is {status} with {kept}"


def _chain(books: Books) -> Iterator[str]:
    """Each service has exactly what the one before handed on, and intake has the last word of each."""
    verified = {each for each, outcome in books.verdicts.items() if outcome is None}
    attributed = {each for each, outcome in books.attributions.items() if outcome is None}
    yield from _differ("accepted", set(books.accepted), "judged", set(books.verdicts))
    yield from _differ("verified", verified, "attributed or not", set(books.attributions))
    yield from _differ("attributed", attributed, "targets of the notifier", set(books.targets))
    take_overs = {derived_id("continued-target", each) for each in books.take_overs}
    yield from _differ("take-overs", take_overs, "taken over", set(books.taken_over.values()))
    last_words = {**books.verdicts, **books.attributions, **books.targets}
    wrong = [
        f"{indicator}: intake says {outcome}, the last service {last_words.get(indicator)}"
        for indicator, outcome in books.accepted.items()
        if outcome != last_words.get(indicator)
    ]
    yield from _first(f"{len(wrong)} records ended elsewhere than intake says", wrong)


def _outcomes(books: Books, expected: Mapping[str, int]) -> Iterator[str]:
    """The feed says where its records end; whether a mail went well is the relay's affair."""
    found = Counter(_end_by_feed(books, *each) for each in books.accepted.items())
    if found != Counter(expected):
        yield f"outcomes are {dict(found)}, and the feed has {dict(expected)}"


def _end_by_feed(books: Books, indicator: UUID, outcome: str) -> str:
    """Of what is a team's alone nobody else is notified; and a team takes over what its organisation can't be told."""
    if indicator not in books.targets:
        return outcome
    end = Outcome.OUT_OF_SCOPE if indicator in books.handed_over else Outcome.NOTIFIED
    took_over = Outcome.OUT_OF_SCOPE if indicator in books.taken_over else end
    return end.value if outcome in {end, took_over, *NOT_DELIVERED} else f"{outcome} instead of {end}"


def _sums(books: Books) -> Iterator[str]:
    unattributable = sum(outcome == Outcome.UNATTRIBUTABLE for outcome in books.attributions.values())
    claims = {
        "sightings": books.sums["seen"],
        "in line": unattributable,
        **dict.fromkeys(NEVER, 0),
        "tallied": len({books.mailings[each].reference for each in _sent(books)}),
    }
    yield from (
        f"{name}: {books.sums[name]}, not {right}" for name, right in claims.items() if books.sums[name] != right
    )


def _mails(books: Books, doubts_at_most: int) -> Iterator[str]:
    """A mail for each that was sent, a second one only where it says so and the notifier knows why."""
    sent = _sent(books)
    yield from _differ("sent notifications", sent, "mails with them", sent & set(books.mails))
    yield from _differ("sent notifications", sent, "notifications that feedback knows", books.heard_of)
    strays = [
        f"{each} is {books.mailings[each]}" if each in books.mailings else f"{each} is unknown"
        for each in set(books.mails) - sent
        if each not in books.mailings or not books.mailings[each].doubts
    ]
    yield from _first("mails of notifications that were not sent", strays)
    doubled = [
        f"{each}: {len(marks)} copies, {marks.count(False)} of them unmarked, {books.mailings[each].doubts} doubts"
        for each, marks in books.mails.items()
        if each in books.mailings and (marks.count(False) > 1 or len(marks) > 1 + books.mailings[each].doubts)
    ]
    yield from _first("mails that came twice without need or mark", doubled)
    if books.doubts > doubts_at_most:
        yield f"{books.doubts} mails were in doubt, and what happened explains {doubts_at_most}"


def _sent(books: Books) -> set[UUID]:
    return {each for each, mailing in books.mailings.items() if mailing.sent}


def _differ(left_name: str, left: set[UUID], right_name: str, right: set[UUID]) -> Iterator[str]:
    if left != right:
        lacking, extra = (" ".join(map(str, sorted(some)[:SHOWN])) for some in (left - right, right - left))
        yield (
            f"{len(left)} {left_name}, {len(right)} {right_name}: "
            f"{len(left - right)} lack ({lacking}), {len(right - left)} are too many ({extra})"
        )


def _first(what: str, found: Sequence[str]) -> Iterable[str]:
    return [f"{what} ({len(found)}): " + "; ".join(found[:SHOWN])] if found else []
