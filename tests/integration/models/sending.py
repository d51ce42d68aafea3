"""Replicas of the notifier at work: the part of the machine of `test_mail_states.py` that follows what they do.

Each reading of the clock is a time of its own, so the rows tell in which order a sender did what. The model does the
same in the same order, by its own rules, and must come to the same rows.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from asyncpg import Record
from hypothesis import strategies as st

from libs.common.faults import Point
from services.notifier.domain.notification import State
from tests.integration.models.lives import Blow, Condition, Fate, UntilIdle, fates, fates_at, until, wait_for_backends
from tests.integration.models.machine import Machine, step
from tests.integration.models.mail import CONNECTIONS, UNKNOWN, WAITING, Attempt, Mail, Reply, Result
from tests.integration.models.mails import Mails
from tests.integration.models.post_office import PostOffice, Replica, Rows, Tries
from tests.integration.models.postbox import Death, Mood, Taken
from tests.integration.models.stamps import answered_at, is_chosen, is_put_back, result_of, stamps

REPLICAS = 2
HELD_AT = {Point.CLAIM_COMMITTED, Point.MAIL_ADDRESSED, Point.MAIL_ANSWERED}
"""Where nobody else waits for a lock of who is held."""

SENDING = {
    *HELD_AT,
    *(Point.TRANSACTION, Point.TRANSACTION_OPEN),
    *(Point.CLAIM_MADE, Point.ANSWERS_WRITTEN, Point.ANSWERS_COMMITTED),
}
PLANNING = {Point.TRANSACTION, Point.TRANSACTION_OPEN, Point.GROUPS_MADE, Point.GROUPS_COMMITTED}
FATES_OF_SENDING = fates_at(SENDING, held_at=HELD_AT)
FATES_OF_PLANNING = fates_at(PLANNING, held_at=())

REPLY_IN: dict[Mood, Result] = {
    Mood.GOOD: Result.SENT,
    Mood.NO_SUCH_USER: Result.DEAD,
    Mood.GREYLISTS: Result.DEFERRED,
    Mood.IS_FULL: Result.DEFERRED,
    Mood.REJECTS: Result.FAILED,
    Mood.CUTS_WITHIN_CONTENT: Result.LOST,
    Mood.CUTS_UNSTORED: Result.LOST,
    Mood.CUTS_STORED: Result.LOST,
    Mood.CUTS_AFTER_ANSWER: Result.SENT,
    Mood.BABBLES_EARLY: Result.DEFERRED,
    Mood.BABBLES_STORED: Result.LOST,
    Mood.REHEARSES: Result.REHEARSED,
}


which = st.integers(0, REPLICAS - 1)
fate_of_sending = st.one_of(
    st.none(),
    fates(FATES_OF_SENDING),
    # Any attempt to send meets the others, this one only a mail that is under way.
    fates([fate for fate in FATES_OF_SENDING if fate.blow is Blow.HOLD or fate.point is Point.MAIL_ANSWERED]),
)


@dataclass(slots=True)
class Sending:
    """A sender at work: what it has claimed and not answered."""

    replica: Replica
    shutdown: UntilIdle
    task: asyncio.Task[None]
    attempts: list[Attempt] = field(default_factory=list)
    is_shaken: bool = False
    """Whether its connections broke, so that nobody can know what it heard, or whom it reached."""

    @property
    def is_held_before_offering(self) -> bool:
        life = self.replica.life
        return life.is_held and life.struck[-1].point is Point.CLAIM_COMMITTED

    @property
    def not_offered(self) -> set[UUID]:
        """What it holds in its hands, and has shown to no relay."""
        under_way = self.replica.sender.under_way if self.is_held_before_offering else ()
        return {each.id for each in under_way}


class Work(Machine):
    """Two replicas that plan and send, between a database and a relay with moods."""

    def __init__(self, office: PostOffice, runner: asyncio.Runner) -> None:
        super().__init__(runner)
        self.office = office
        self.mails = Mails()
        self.lives = 0
        self._replicas: dict[int, Replica] = {}
        self._held: dict[int, Sending] = {}
        """By the place of their replica."""
        self._seen = 0
        self._unexplained: list[Taken] = []
        """Mails that the relay has taken, and of which no attempt is known yet."""
        self._struck: list[Fate] = []

    @property
    def now(self) -> datetime:
        return self.office.clock.now

    @property
    def struck(self) -> list[Fate]:
        return [*self._struck, *(fate for replica in self._replicas.values() for fate in replica.life.struck)]

    @step(weight=2, which=which, fate=st.none() | fates(FATES_OF_PLANNING))
    async def close_due(self, which: int, fate: Fate | None) -> None:
        """A round of a planner: one transaction, which is kept or is not."""
        replica = self._replica(which, fate)
        planning = replica.life.begin(replica.close_due())

        async def is_over() -> bool:
            return planning.done()

        struck = await self._until_over(which, is_over)
        due, closed = self.mails.due_to_close(now=self.now), self.mails.to_withdraw()
        rows = await self.office.notifications()
        is_kept = any(rows[mail.id]["state"] != mail.state for mail in (*due, *closed))
        if is_kept:
            queued = [rows[mail.id]["queued_at"] for mail in due]
            self.mails.close_due(now=max(filter(None, queued), default=self.now))
        assert is_kept or struck or not (due or closed)
        await self.check()

    @step(weight=10, which=which, fate=fate_of_sending, death=st.sampled_from([None, None, None, *Death]))
    async def send(self, which: int, fate: Fate | None, death: Death | None) -> None:
        """A sender works until nothing is left, unless it is held in a mail already."""
        if which in self._held:
            return
        replica = self._replica(which, fate)
        self.office.postbox.doomed = (replica.life, death) if death else None
        shutdown = UntilIdle()
        sending = Sending(replica, shutdown, replica.life.begin(replica.send(shutdown)))
        await self._go_on(which, sending)

    @step(weight=3, which=which)
    async def let_go(self, which: int) -> None:
        """A sender that was held goes on from where it was."""
        if which in self._held:
            sending = self._held.pop(which)
            sending.replica.life.spare()
            sending.replica.life.let_go()
            await self._go_on(which, sending)

    @step(which=which)
    async def kill(self, which: int) -> None:
        if which in self._replicas:
            self._replicas[which].life.die()
            await self._bury(which)
            await self.check()

    async def end(self) -> None:
        for which in list(self._replicas):
            self._replicas[which].life.die()
            await self._bury(which)

    def _replica(self, which: int, fate: Fate | None) -> Replica:
        if which not in self._replicas:
            self.lives += 1
            self._replicas[which] = self.office.replica(f"life{self.lives}")
        life = self._replicas[which].life
        life.spare()
        if fate is not None:
            life.doom(fate)
        return self._replicas[which]

    async def _until_over(self, which: int, condition: Condition) -> list[Fate]:
        """Wait, and bury who dies; the fates that struck meanwhile."""
        life = self._replicas[which].life
        struck = len(life.struck)

        async def is_met() -> bool:
            return life.is_dead or await condition()

        await until(is_met)
        self.office.postbox.doomed = None
        if life.is_dead:
            await self._bury(which)
        return life.struck[struck:]

    async def _bury(self, which: int) -> None:
        replica = self._replicas.pop(which)
        self._held.pop(which, None)
        self._struck += replica.life.struck
        await replica.life.buried()
        await wait_for_backends(self.office.database, replica.life)
        await self.office.postbox.wait_for_the_cut(replica.life)

    async def _go_on(self, which: int, sending: Sending) -> None:
        """Until a sender has done its work, or is dead, or is held and the others of its mails are through."""
        since, life = self.now, sending.replica.life
        struck = await self._until_over(which, partial(self._is_still, sending, since))
        if any(fate.blow is Blow.CUT for fate in struck):
            sending.is_shaken = True
            await self.office.postbox.wait_for_the_cut(life)
        await self._replay(sending, since=since)
        if life.is_held:
            self._held[which] = sending
        elif not life.is_dead:
            sending.task.result()
            assert not any(attempt.counts for attempt in sending.attempts), "every answer is written down"
        await self.check()

    async def _is_still(self, sending: Sending, since: datetime) -> bool:
        """Whether a sender is through, or held with all other mails through. Asks it to stop when nothing is left."""
        life = sending.replica.life
        if sending.task.done():
            return True
        if sending.is_held_before_offering:
            return await self._only_the_newest_are_under_way(sending)
        if not sending.shutdown.is_idle or await self.office.under_way(since=since) > life.is_held:
            return False
        sending.shutdown.request()
        return life.is_held

    async def _only_the_newest_are_under_way(self, sending: Sending) -> bool:
        """Whether the relay has answered all that was claimed before what is held, as it would answer now."""
        tries = await self.office.attempts()
        under_way = sending.replica.sender.under_way
        return len({tries[each.id, each.tries]["started_at"] for each in under_way}) == 1

    async def _replay(self, sending: Sending, *, since: datetime) -> None:
        """Do what the rows say that was done since then, in the order of their stamps, by the model's rules."""
        rows, tries = await self.office.notifications(), await self.office.attempts()
        self._explain_mails(sending.attempts)
        for stamp in stamps(rows, tries, since=since):
            answered = [each for each in sending.attempts if each.counts and answered_at(each, rows, tries) == stamp]
            self.mails.answer([(each, self._reply(each, sending, rows, tries)) for each in answered], now=stamp)
            sending.attempts = [each for each in sending.attempts if each not in answered]
            lost = self.mails.lost(now=stamp, but={each.mail.id for each in sending.attempts if each.counts})
            self.mails.doubt([each for each in lost if tries[each.id, each.tries]["ended_at"] == stamp], now=stamp)
            self._claim(sending, rows, tries, stamp)
            self._explain_mails(sending.attempts)
        for attempt in sending.attempts:
            if attempt.mail.id not in sending.not_offered:
                attempt.expected = attempt.expected or self._expected(attempt)

    def _claim(self, sending: Sending, rows: Rows, tries: Tries, stamp: datetime) -> None:
        """The most urgent first. Those that were put back, as nobody was reached, have left no other trace."""
        due = self.mails.due(now=stamp)
        chosen = [mail for mail in due if is_chosen(mail, rows, tries, stamp)]
        put_back = [mail for mail in due if mail not in chosen and is_put_back(rows[mail.id], stamp)]
        for mail in put_back:
            self.mails.take_out(mail)
            mail.state, mail.next_at = State.QUEUED, stamp
        if not self.office.postbox.is_away and not sending.is_shaken:
            assert put_back == []
            assert [each.rank for each in chosen] == [each.rank for each in due[: len(chosen)]]
        sending.attempts += self.mails.claim(chosen, now=stamp)
        assert sum(each.counts for each in sending.attempts) <= CONNECTIONS

    def _expected(self, attempt: Attempt) -> Result:
        postbox = self.office.postbox
        return Result.RELEASED if postbox.is_away else REPLY_IN[postbox.moods.get(attempt.mail.address, Mood.GOOD)]

    def _reply(self, attempt: Attempt, sending: Sending, rows: Rows, tries: Tries) -> Reply:
        expected = attempt.expected or self._expected(attempt)
        result = result_of(tries.get((attempt.mail.id, attempt.number)), expected)
        assert sending.is_shaken or result is expected
        assert result is Result.LOST or attempt.is_taken == (result is Result.SENT)
        return Reply(result, rows[attempt.mail.id]["next_attempt_at"])

    def _explain_mails(self, attempts: Sequence[Attempt]) -> None:
        """Each mail that the relay has taken belongs to one attempt, which was written down before."""
        taken = self.office.postbox.taken
        new, self._seen = taken[self._seen :], len(taken)
        self._unexplained = [mail for mail in (*self._unexplained, *new) if not _explains(mail, attempts)]

    async def check(self) -> None:
        """Every mail as the model has it, with the targets that it has there; and nothing is said that is not there."""
        rows = await self.office.notifications()
        assert len(rows) == len(self.mails.all)
        by_target = {target_id: row for row in rows.values() for target_id in row["target_ids"]}
        assert by_target.keys() == {each.target_id for mail in self.mails.all for each in mail.targets}
        by_correction = {(row["corrects"], threat_id): row for row in rows.values() for threat_id in row["takes_back"]}
        for mail in self.mails.all:
            if mail.id == UNKNOWN:
                mail.id = _row_of(mail, by_target, by_correction)["id"]
            row = rows[mail.id]
            assert set(row["target_ids"]) == {each.target_id for each in mail.targets}
            assert set(row["takes_back"]) == mail.takes_back
            assert mail.state is State.PLANNED or row["targets_total"] == len(mail.carried)
            found = row["state"], row["doubts"], row["tries"], row["settled"]
            assert found == (mail.state, mail.doubts, mail.tries, mail.is_settled)
            assert mail.state not in WAITING or row["next_attempt_at"] == mail.next_at
        assert await self.office.refusals() == self.mails.refused
        assert await self.office.said() == self.mails.said
        assert self._unexplained == [], "the relay takes only what somebody was to send"


def _row_of(mail: Mail, by_target: Mapping[UUID, Record], by_correction: Mapping[tuple[UUID, UUID], Record]) -> Record:
    """The row of a mail that has not been looked at yet."""
    if mail.corrects is not None:
        return by_correction[mail.corrects.id, min(mail.takes_back)]
    return by_target[mail.targets[0].target_id]


def _explains(taken: Taken, attempts: Sequence[Attempt]) -> bool:
    for attempt in attempts:
        if (attempt.mail.id, attempt.is_marked, attempt.is_taken) == (*taken, False):
            attempt.is_taken = True
            return True
    return False
