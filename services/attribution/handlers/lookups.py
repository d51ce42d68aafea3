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
    Decision,
    Doubted,
    Route,
    Settled,
    Waiting,
    explain,
    ranked,
)
from services.attribution.handlers.deciding import Decider


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


async def look_up_all(assets: Sequence[Asset], *, tx: Transaction, decider: Decider, now: datetime) -> list[Decision]:
    """What would be decided of indicators with these assets, now; in their order."""
    decisions = await decider.decide([decider.about_asset(_question(asset, now)) for asset in assets], tx=tx, at=now)
    return [decision for decision in decisions if not isinstance(decision, Waiting)]


async def look_up(asset: Asset, *, tx: Transaction, decider: Decider, now: datetime) -> LookupAnswer:
    """What would be decided of an indicator with this asset, now, by what outside sources have answered so far."""
    question = _question(asset, now)
    decision, steps = await decider.look(decider.about_asset(question), tx=tx, at=now)
    candidates = ranked(steps)
    told = explain(decision, asked=question.owned_part)
    match decision:
        case Attributed(route=route, recipient=recipient, confidence=confidence, evidence=evidence):
            return LookupAnswer(recipient, confidence, evidence, candidates, route, None, told)
        case Settled() | Doubted():
            return LookupAnswer(None, 0.0, decision.evidence, candidates, decision.route, decision.reason, told)


def _question(asset: Asset, now: datetime) -> Question:
    return question_of(Indicator(seen_at=now, category="", identifier="", asset=asset))
