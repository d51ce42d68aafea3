"""What other rules would have made of the records of the last days. Nothing is changed, and nothing leaves.

A process of its own does it, of the lowest priority: the records that come meanwhile are judged as fast as ever.
"""

import asyncio
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from multiprocessing.connection import Connection
from operator import itemgetter
from uuid import UUID

import msgspec

from libs.common.contracts import RawIndicator
from libs.common.db import Database, Transaction
from libs.common.errors import Permanent, TocsinError, Transient
from libs.common.problems import Problem
from services.verifier import store
from services.verifier.domain import FalsePositive, Rules, threat_id_of
from services.verifier.domain.known_wrong import KnownWrong
from services.verifier.domain.what_if import Comparing, Comparison, Told
from services.verifier.gateway import Path, attribution_at
from services.verifier.handlers.in_force import load_rules
from services.verifier.handlers.rules import require_sound

MOST_RECORDS = 500_000
"""The newest so many are judged again: what is known of their threats has to fit in memory."""

STATEMENT_SECONDS = 300.0
LONGEST_SECONDS = 600.0
UNKNOWN = "unknown"
NOBODY = "nobody"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is tried out: a file of rules in place of the one in force, or entries of what is wrong, or both."""

    days: int
    rules: str | None = None
    false_positives: tuple[FalsePositive, ...] = ()


class Mails(msgspec.Struct, frozen=True, kw_only=True):
    """Mails by kind of recipient: one to each about each incident. `nobody` counts threats that find no recipient.

    What is handed over is a mail to a team, `national-cert`; so is a copy.
    """

    more: dict[str, int]
    fewer: dict[str, int]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`records_left_out` are older ones beyond the limit; `decided_by_people` are never judged again."""

    since: datetime
    until: datetime
    rules_now: str
    rules_draft: str
    records_left_out: int
    decided_by_people: int
    comparison: Comparison
    mails: Mails
    mails_unknown_because: str | None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a question is answered: the database, the rules of the settings, and whom to ask for recipients."""

    database_url: str
    settled: Rules
    attribution_url: str = ""
    authorization: str = ""


class WhatIf:
    """Answers questions, one at a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._is_busy = False

    async def ask(self, question: Question, *, authorization: str) -> Answer:
        """Raises a problem for a draft with errors, and while another question is being answered."""
        if question.rules is not None:
            await asyncio.to_thread(require_sound, question.rules, self._place.settled)
        if self._is_busy:
            later = {"Retry-After": "20"}
            raise Problem(429, "what-if-runs", "Another question is being answered", "Ask again soon.", headers=later)
        self._is_busy = True
        try:
            return await _answer_elsewhere(question, msgspec.structs.replace(self._place, authorization=authorization))
        finally:
            self._is_busy = False


async def _answer_elsewhere(question: Question, place: Place) -> Answer:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, question, place), daemon=True)
    await asyncio.to_thread(process.start)
    sender.close()
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            told: bytes = await asyncio.to_thread(receiver.recv_bytes)
    except (EOFError, TimeoutError) as error:
        raise Transient("the question could not be answered in time") from error
    finally:
        process.kill()  # which also ends the thread that waits for its word
        await asyncio.to_thread(process.join)
    answer = msgspec.msgpack.decode(told, type=Answer | str)
    if isinstance(answer, str):
        raise Transient(answer)
    return answer


def _work(sender: Connection, question: Question, place: Place) -> None:
    os.nice(19)
    try:
        answer: Answer | str = asyncio.run(_answer(question, place))
    except TocsinError as error:
        answer = str(error)
    sender.send_bytes(msgspec.msgpack.encode(answer))


async def _answer(question: Question, place: Place) -> Answer:
    """Judge the records again, by the rules in force and by the draft."""
    database = Database(place.database_url, pool_size=1, statement_timeout_seconds=STATEMENT_SECONDS)
    try:
        async with database.transaction() as tx:
            return await _compare(tx, question, place, now=database.now())
    finally:
        await database.close()


async def _compare(tx: Transaction, question: Question, place: Place, *, now: datetime) -> Answer:
    since = now - timedelta(days=question.days)
    in_force = await load_rules(tx, place.settled, known=place.settled, now=now)
    draft = await load_rules(tx, place.settled, known=in_force, now=now, text=question.rules)
    wrong = (*draft.known_wrong.entries, *question.false_positives)
    draft = msgspec.structs.replace(draft, known_wrong=KnownWrong(wrong))
    records, decided_by_people = await store.judged_records_count(tx, since=since, until=now)

    comparing = Comparing(now=in_force, draft=draft)
    seen: set[UUID] = set()
    done = 0
    async for batch in store.judged_records(tx, since=since, until=now, most=MOST_RECORDS):
        await _judge_again(tx, comparing, batch, seen=seen, since=since)
        done += len(batch)
    comparison = comparing.result()
    mails, unknown_because = await _mails(comparison, place)
    return Answer(
        since=since,
        until=now,
        rules_now=in_force.version,
        rules_draft=draft.version,
        records_left_out=records - done,
        decided_by_people=decided_by_people,
        comparison=comparison,
        mails=mails,
        mails_unknown_because=unknown_because,
    )


async def _judge_again(
    tx: Transaction,
    comparing: Comparing,
    batch: Sequence[tuple[RawIndicator, datetime]],
    *,
    seen: set[UUID],
    since: datetime,
) -> None:
    """Each record as of the moment in which it was judged, after those that came before it."""
    threat_ids = {threat_id_of(event) for event, _ in batch}
    known = await store.threats_known_before(tx, threat_ids - seen, moment=since)
    wrong = await store.false_positives_at(
        tx, assets={event.key for event, _ in batch}, threat_ids=threat_ids, now=batch[-1][1]
    )
    held = await store.held_sightings(tx, threat_ids - seen, before=since)
    seen |= threat_ids
    comparing.now.learn(known, held)
    comparing.draft.learn(known, held)
    for at, judged_then in groupby(batch, key=itemgetter(1)):
        events = [event for event, _ in judged_then]
        ids = {threat_id_of(event) for event in events}
        sides = (side.judge(events, ids, wrong, at) for side in (comparing.now, comparing.draft))
        comparing.add(zip(*sides, strict=True))


async def _mails(comparison: Comparison, place: Place) -> tuple[Mails, str | None]:
    """How many mails more and fewer; of unknown kind, and why, where attribution can't be asked."""
    if not place.attribution_url:
        return _unknown(comparison), "TOCSIN_VERIFIER_ATTRIBUTION_URL is not set"
    try:
        async with attribution_at(place.attribution_url, authorization=place.authorization) as attribution:
            more, fewer, alike = [
                _mails_of(told, await attribution.paths(told))
                for told in (comparison.more, comparison.fewer, comparison.alike)
            ]
    except (Transient, Permanent) as error:
        return _unknown(comparison), str(error)
    now, draft = {**fewer, **alike}, {**more, **alike}
    return Mails(more=_only_in(draft, now), fewer=_only_in(now, draft)), None


_Kinds = dict[tuple[UUID, str], str]
"""The kind of recipient by whom a mail goes to and its incident; of what goes to nobody, by the threat itself."""


def _mails_of(told: Iterable[Told], paths: Iterable[Path]) -> _Kinds:
    mails: _Kinds = {}
    for each, path in zip(told, paths, strict=True):
        for receiver in path.receivers:
            mails.setdefault((receiver.recipient, each.incident), receiver.kind.value)
        if not path.receivers:
            mails[each.threat_id, each.incident] = NOBODY
    return mails


def _only_in(one: _Kinds, other: _Kinds) -> dict[str, int]:
    return dict(Counter(kind for mail, kind in one.items() if mail not in other))


def _unknown(comparison: Comparison) -> Mails:
    """Without recipients, each threat is a mail."""

    def count(told: Sequence[Told]) -> dict[str, int]:
        return {UNKNOWN: len(told)} if told else {}

    return Mails(more=count(comparison.more), fewer=count(comparison.fewer))
