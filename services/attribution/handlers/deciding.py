"""How a batch is decided: by what the directory knows, and by what outside sources have answered so far."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from libs.common.contracts import RecipientUnreachable, ThreatVerified
from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.answers import Answer, Enquiry, Source
from services.attribution.domain.directory import Directory, Findings, Question, question_of
from services.attribution.domain.enquiries import Patience, answers_only
from services.attribution.domain.ladder import Case, Decision, Ladder, Step, Verdict, Waiting, believed, climb, decide
from services.attribution.domain.learnt import Learnt, learnt
from services.attribution.domain.lookups import Looked
from services.attribution.domain.neighbours import others_at, pairs_of
from services.attribution.domain.silence import Heard
from services.attribution.domain.unattributed import Unattributed
from services.attribution.handlers.directory import LiveDirectory

NO_LESSONS: Mapping[str, Learnt] = MappingProxyType({})
MOST_ROUNDS = 8
"""An answer may open the next question; no chain of them is longer than this."""


class Asking(msgspec.Struct, frozen=True, gc=False):
    """A question to the ladder: who may be asked about it outside, and whether it can wait for that.

    `tells_names`: what it places at its address is remembered.
    """

    question: Question
    online: frozenset[Source] = frozenset()
    may_wait: bool = False
    unreachable: frozenset[str] = frozenset()
    tells_names: bool = False


class Decider:
    """The ladder, the directory in use, and whom outside may be asked: all that a decision depends on."""

    def __init__(
        self, directory: LiveDirectory, *, ladder: Ladder, online: frozenset[Source], patience: Patience
    ) -> None:
        self.directory = directory
        self.ladder = ladder
        self.patience = patience
        self._online = online

    def about(self, threat: ThreatVerified, *, may_wait: bool) -> Asking:
        """Of a test nothing is remembered; nor of a stolen password, which names where it opens something."""
        indicator = threat.indicator
        online = self.patience.online(self._online, indicator)
        tells_names = not (threat.is_test or indicator.credentials)
        return Asking(question_of(indicator, listed=threat.listed), online, may_wait, tells_names=tells_names)

    def past(self, event: RecipientUnreachable) -> Asking:
        """Who else can be told waits for nobody: what outside sources have answered so far counts."""
        indicator = event.target.indicator
        online = self.patience.online(self._online, indicator)
        return Asking(question_of(indicator), online, unreachable=frozenset(event.failed))

    def about_record(self, looked: Looked, now: datetime) -> Asking:
        """What a person asks waits for nobody."""
        indicator = looked.seen_at(now)
        return Asking(question_of(indicator, listed=looked.listed), self.patience.online(self._online, indicator))

    async def network_of(self, asking: Asking, *, tx: Transaction) -> int | None:
        """The AS that a record of the asset would name, as far as it is known."""
        known = await self.directory.latest(tx)
        (found,) = known.find([asking.question])
        return found.asns[0] if found.asns else None

    def heard(self, waiting: Unattributed) -> Heard:
        """What is known of a threat for which nobody was found, and who could have been asked about it."""
        threat = waiting.threat
        return Heard(
            question=question_of(threat.indicator, listed=threat.listed),
            evidence=waiting.decision.evidence,
            ladder=self.ladder,
            enabled=self._online,
            online=self.patience.online(self._online, threat.indicator),
        )

    async def decide(self, asked: Sequence[Asking], *, tx: Transaction, at: datetime) -> list[Verdict]:
        """Each by itself; nothing is carried over from one to the next."""
        known, findings = await self._find(asked, tx=tx, at=at)
        return [self._decide(each, found, known, at=at) for each, found in zip(asked, findings, strict=True)]

    async def look(self, asking: Asking, *, tx: Transaction, at: datetime) -> tuple[Decision, list[Step]]:
        """One decision that waits for nobody, and beside it every rung of the ladder."""
        known, (found,) = await self._find([asking], tx=tx, at=at)
        decision = self._decide(asking, found, known, at=at)
        if isinstance(decision, Waiting):
            raise TypeError("what may not wait is decided")
        return decision, list(climb(Case(found, directory=known, ladder=self.ladder, at=at, online=asking.online)))

    async def _find(
        self, asked: Sequence[Asking], *, tx: Transaction, at: datetime
    ) -> tuple[Directory, list[Findings]]:
        """What the directory knows about each, with all that outside sources have answered to its questions."""
        known = believed(await self.directory.latest(tx), self.ladder, at)
        questions = [each.question for each in asked]
        lessons = await _lessons(tx, questions, known, now=at)
        findings = list(_findings(questions, known, lessons))
        await self._read_neighbours(asked, findings, tx=tx, at=at)
        online = [place for place, each in enumerate(asked) if each.online]
        if online:
            await self._read_answers(asked, findings, known, places=online, tx=tx, at=at)
        return known, findings

    async def _read_neighbours(
        self, asked: Sequence[Asking], findings: list[Findings], *, tx: Transaction, at: datetime
    ) -> None:
        """What names were seen at each address, those of this batch among them: one statement."""
        addresses = {each.question.address.text for each in asked if each.question.address is not None}
        if not addresses:
            return
        new = pairs_of(each.question for each in asked if each.tells_names)
        since = self.ladder.names_seen_since(at)
        seen = await store.neighbours.seen_at(tx, addresses, new=new, on=at.date(), since=since)
        for place, found in enumerate(findings):
            if seen and (others := others_at(found.question, seen)):
                findings[place] = msgspec.structs.replace(found, others_there=others)

    async def _read_answers(
        self,
        asked: Sequence[Asking],
        findings: list[Findings],
        known: Directory,
        *,
        places: Sequence[int],
        tx: Transaction,
        at: datetime,
    ) -> None:
        """Round by round, since one answer opens the next question; each round reads for the whole batch.

        Every finding gets the answers to its own questions, and no other.
        """
        answers: dict[Enquiry, Answer] = {}
        sought: set[Enquiry] = set()
        for _ in range(MOST_ROUNDS):
            wanted = {place: self._wanted(asked[place], findings[place], known, at=at) for place in places}
            new = set().union(*wanted.values()) - sought
            answers |= await store.enquiries.answers(tx, new, now=at) if new else {}
            sought |= new
            places = [place for place, enquiries in wanted.items() if any(each in answers for each in enquiries)]
            for place in places:
                own = {each: answers[each] for each in wanted[place] if each in answers}
                findings[place] = msgspec.structs.replace(findings[place], answers={**findings[place].answers, **own})
            if not places:
                return

    def _wanted(self, asked: Asking, found: Findings, known: Directory, *, at: datetime) -> frozenset[Enquiry]:
        """What would be asked next, for all that was answered so far; a failure is an answer here."""
        verdict = self._verdict(asked, found, known, at=at, may_wait=True)
        enquiries = verdict.enquiries if isinstance(verdict, Waiting) else ()
        return frozenset(each for each in enquiries if each not in found.answers)

    def _decide(self, asked: Asking, found: Findings, known: Directory, *, at: datetime) -> Verdict:
        """Who can wait doesn't take a failure for an answer: it is asked again."""
        if asked.may_wait and found.answers:
            found = msgspec.structs.replace(found, answers=answers_only(found.answers))
        return self._verdict(asked, found, known, at=at, may_wait=asked.may_wait)

    def _verdict(self, asked: Asking, found: Findings, known: Directory, *, at: datetime, may_wait: bool) -> Verdict:
        return decide(
            found,
            directory=known,
            ladder=self.ladder,
            at=at,
            online=asked.online,
            may_wait=may_wait,
            unreachable=asked.unreachable,
        )


def decide_all(
    questions: Sequence[Question],
    known: Directory,
    *,
    ladder: Ladder,
    at: datetime,
    lessons: Mapping[str, Learnt] = NO_LESSONS,
) -> list[Decision]:
    """What is decided where nobody outside is asked. Each by itself; nothing is carried over from one to the next."""
    known = believed(known, ladder, at)
    verdicts = (decide(found, directory=known, ladder=ladder, at=at) for found in _findings(questions, known, lessons))
    return [verdict for verdict in verdicts if not isinstance(verdict, Waiting)]


def _findings(questions: Sequence[Question], known: Directory, lessons: Mapping[str, Learnt]) -> Iterator[Findings]:
    for found in known.find(questions):
        learnt = lessons.get(found.question.owned_part) if lessons else None
        yield msgspec.structs.replace(found, learnt=learnt) if learnt is not None else found


async def _lessons(
    tx: Transaction, questions: Sequence[Question], known: Directory, *, now: datetime
) -> dict[str, Learnt]:
    """By the part that is owned: what a person has said of it that still counts."""
    parts = {question.owned_part for question in questions}
    lessons = await store.learnt.in_force(tx, parts, now=now) if parts else {}
    found = {part: learnt(lesson, known.registered.organisations) for part, lesson in lessons.items()}
    return {part: taught for part, taught in found.items() if taught is not None}
