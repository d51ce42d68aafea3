"""How a batch is decided: by what the directory knows, and by what outside sources have answered so far."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from libs.common.contracts import ThreatVerified
from libs.common.db import Transaction
from services.attribution import store
from services.attribution.domain.answers import Answer, Enquiry, Source
from services.attribution.domain.directory import Directory, Findings, Question, question_of
from services.attribution.domain.enquiries import Patience, answers_only
from services.attribution.domain.ladder import Case, Decision, Ladder, Step, Waiting, climb, decide
from services.attribution.domain.learnt import Learnt, learnt
from services.attribution.handlers.directory import LiveDirectory

MOST_ROUNDS = 8
"""An answer may open the next question; no chain of them is longer than this."""


class Asking(msgspec.Struct, frozen=True, gc=False):
    """A question to the ladder: who may be asked about it outside, and whether it can wait for that."""

    question: Question
    online: frozenset[Source] = frozenset()
    may_wait: bool = False


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
        return Asking(question_of(threat.indicator), self.patience.online(self._online, threat), may_wait)

    def about_asset(self, question: Question) -> Asking:
        """What a person asks waits for nobody."""
        return Asking(question, self._online)

    async def decide(self, asked: Sequence[Asking], *, tx: Transaction, at: datetime) -> list[Decision | Waiting]:
        """Each by itself; nothing is carried over from one to the next."""
        known, findings, answers = await self.find(asked, tx=tx, at=at)
        return [self._decide(each, found, known, answers, at=at) for each, found in zip(asked, findings, strict=True)]

    async def look(self, asking: Asking, *, tx: Transaction, at: datetime) -> tuple[Decision, list[Step]]:
        """One decision that waits for nobody, and beside it every rung of the ladder."""
        known, (found,), answers = await self.find([asking], tx=tx, at=at)
        decision = self._decide(asking, found, known, answers, at=at)
        if isinstance(decision, Waiting):
            raise TypeError("what may not wait is decided")
        full = msgspec.structs.replace(found, answers=answers)
        return decision, list(climb(Case(full, directory=known, ladder=self.ladder, at=at, online=asking.online)))

    async def find(
        self, asked: Sequence[Asking], *, tx: Transaction, at: datetime
    ) -> tuple[Directory, list[Findings], dict[Enquiry, Answer]]:
        """What the directory knows about each, and all answers of outside sources that there are to their questions."""
        known = await self.directory.latest(tx)
        questions = [each.question for each in asked]
        lessons = await _lessons(tx, questions, known, now=at)
        findings = [
            msgspec.structs.replace(found, learnt=lessons.get(found.question.owned_part))
            for found in known.find(questions)
        ]
        return known, findings, await self._answers(asked, findings, known, tx=tx, at=at)

    async def _answers(
        self, asked: Sequence[Asking], findings: Sequence[Findings], known: Directory, *, tx: Transaction, at: datetime
    ) -> dict[Enquiry, Answer]:
        """Round by round, since one answer opens the next question; each round reads for the whole batch."""
        answers: dict[Enquiry, Answer] = {}
        sought: set[Enquiry] = set()
        waiting = [pair for pair in zip(asked, findings, strict=True) if pair[0].online]
        for _ in range(MOST_ROUNDS):
            wanted: set[Enquiry] = set()
            still = []
            for each, found in waiting:
                decision = self._decide(msgspec.structs.replace(each, may_wait=True), found, known, answers, at=at)
                if isinstance(decision, Waiting):
                    wanted.update(decision.enquiries)
                    still.append((each, found))
            if wanted <= sought:
                break
            answers |= await store.enquiries.answers(tx, wanted - sought, now=at)
            sought |= wanted
            waiting = still
        return answers

    def _decide(
        self, asked: Asking, found: Findings, known: Directory, answers: dict[Enquiry, Answer], *, at: datetime
    ) -> Decision | Waiting:
        counting = answers_only(answers) if asked.may_wait else answers
        return decide(
            msgspec.structs.replace(found, answers=counting) if counting else found,
            directory=known,
            ladder=self.ladder,
            at=at,
            online=asked.online,
            may_wait=asked.may_wait,
        )


async def _lessons(
    tx: Transaction, questions: Sequence[Question], known: Directory, *, now: datetime
) -> dict[str, Learnt]:
    """By the part that is owned: what a person has said of it that still counts."""
    parts = {question.owned_part for question in questions}
    lessons = await store.learnt.in_force(tx, parts, now=now) if parts else {}
    found = {part: learnt(lesson, known.registered.organisations) for part, lesson in lessons.items()}
    return {part: taught for part, taught in found.items() if taught is not None}
