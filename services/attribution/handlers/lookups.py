"""The questions that a person asks: the way of an event, without effect."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from libs.common.contracts import Evidence, Indicator, Recipient
from libs.common.contracts.intake import Asset
from libs.common.db import Transaction
from services.attribution.domain.directory import Question, question_of
from services.attribution.domain.ladder import (
    Attributed,
    Candidate,
    Case,
    Decision,
    Doubted,
    Ladder,
    Route,
    Settled,
    Waiting,
    climb,
    decide,
    explain,
    ranked,
)
from services.attribution.handlers.directory import LiveDirectory
from services.attribution.handlers.threats import decide_all, learnt_organisations


class LookupAnswer(msgspec.Struct, frozen=True):
    """The decision, and beside it everybody else on the ladder. `reason` says why there is no recipient; `explanation`
    tells all of it in sentences, the conclusion first.
    """

    recipient: Recipient | None
    confidence: float
    evidence: tuple[Evidence, ...]
    candidates: list[Candidate]
    route: Route
    reason: str | None
    explanation: list[str]


async def look_up_all(
    assets: Sequence[Asset], *, tx: Transaction, directory: LiveDirectory, ladder: Ladder, now: datetime
) -> list[Decision]:
    """What would be decided of indicators with these assets, now; in their order."""
    questions = [_question(asset, now) for asset in assets]
    known = await directory.latest(tx)
    learnt = await learnt_organisations(tx, questions, known)
    return decide_all(questions, known, learnt=learnt, ladder=ladder, at=now)


async def look_up(
    asset: Asset, *, tx: Transaction, directory: LiveDirectory, ladder: Ladder, now: datetime
) -> LookupAnswer:
    """What would be decided of an indicator with this asset, now."""
    question = _question(asset, now)
    known = await directory.latest(tx)
    learnt = await learnt_organisations(tx, [question], known)
    (findings,) = known.find([question])
    findings = msgspec.structs.replace(findings, learnt=learnt.get(question.owned_part))

    decision = decide(findings, directory=known, ladder=ladder, at=now)
    candidates = ranked(climb(Case(findings, directory=known, ladder=ladder, at=now)))

    told = explain(decision, asked=question.owned_part)
    match decision:
        case Attributed(route=route, recipient=recipient, confidence=confidence, evidence=evidence):
            return LookupAnswer(recipient, confidence, evidence, candidates, route, None, told)
        case Settled(route=route, reason=reason, evidence=evidence):
            return LookupAnswer(None, 0.0, evidence, candidates, route, reason, told)
        case Doubted(reason=reason, evidence=evidence):
            return LookupAnswer(None, 0.0, evidence, candidates, Route.NONE, reason, told)
        case Waiting():
            raise AssertionError("nothing waits where nobody may be asked")


def _question(asset: Asset, now: datetime) -> Question:
    return question_of(Indicator(seen_at=now, category="", identifier="", asset=asset))
