"""The questions that a person asks: the way of an event, without effect."""

from collections.abc import Sequence

import msgspec

from libs.common.contracts import Evidence, Recipient
from libs.common.contracts.intake import Asset
from libs.common.db import Database
from libs.common.errors import Permanent, Transient
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
from services.attribution.domain.ladder.listed import ended_by_verifier
from services.attribution.domain.ladder.words import explain_listing
from services.attribution.domain.listings import Listing, Unknown
from services.attribution.domain.lookups import Looked
from services.attribution.gateway.verifier import Verifier
from services.attribution.handlers.deciding import Decider

NOT_SET = "TOCSIN_ATTRIBUTION_VERIFIER_URL is not set"


class LookupAnswer(msgspec.Struct, frozen=True):
    """The decision, and beside it everybody else on the ladder. `reason` says why there is no recipient; `explanation`
    tells all of it in sentences, the conclusion first, after what could make another of it.
    """

    recipient: Recipient | None
    confidence: float
    evidence: tuple[Evidence, ...]
    candidates: list[Candidate]
    route: Route
    reason: str | None
    explanation: list[str]
    listing: Listing | Unknown


async def look_up_all(asked: Sequence[Looked], *, database: Database, decider: Decider) -> list[Decision]:
    """What would be decided of indicators like these, now; in their order. Who asks knows whether they are listed."""
    now = database.now()
    async with database.transaction() as tx:
        decisions = await decider.decide([decider.about_record(each, now) for each in asked], tx=tx, at=now)
    return [decision for decision in decisions if not isinstance(decision, Waiting)]


async def look_up(
    asset: Asset, *, database: Database, decider: Decider, verifier: Verifier | None, authorization: str
) -> LookupAnswer:
    """What would be decided of an indicator with this asset, now, by what outside sources have answered so far.

    The verifier is asked outside of any transaction, as it may take its time.
    """
    now = database.now()
    async with database.transaction() as tx:
        network_asn = await decider.network_of(decider.about_record(Looked(asset), now), tx=tx)
    listing = await _listing(asset, verifier, network_asn=network_asn, authorization=authorization)
    listed = listing.carried if isinstance(listing, Listing) else None
    asking = decider.about_record(Looked(asset, listed=listed), now)
    async with database.transaction() as tx:
        decision, steps = await decider.look(asking, tx=tx, at=now)
    asked = asking.question.owned_part
    if isinstance(listing, Listing) and listing.operator is not None and listing.ends_as is not None:
        decision = ended_by_verifier(listing.operator, listing.ends_as, asked=asking.question.asked, at=now)
    told = explain_listing(listing, explain(decision, asked=asked), asked=asked, network_asn=network_asn)
    candidates = ranked(steps)
    match decision:
        case Attributed(route=route, recipient=recipient, confidence=confidence, evidence=evidence):
            return LookupAnswer(recipient, confidence, evidence, candidates, route, None, told, listing)
        case Settled() | Doubted():
            evidence, route, reason = decision.evidence, decision.route, decision.reason
            return LookupAnswer(None, 0.0, evidence, candidates, route, reason, told, listing)


async def _listing(
    asset: Asset, verifier: Verifier | None, *, network_asn: int | None, authorization: str
) -> Listing | Unknown:
    """A look-up whose question about the list fails is answered all the same, and says so."""
    if verifier is None:
        return Unknown(NOT_SET)
    try:
        return await verifier.listing(asset, network_asn=network_asn, authorization=authorization)
    except (Transient, Permanent) as error:
        return Unknown(str(error))
