"""`/v1/lookup`: whom would a threat to this asset hit?"""

from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from libs.common.addresses import canonical_domain
from libs.common.asked_assets import LONGEST_VALUE, Value, asset_asked_for
from libs.common.contracts import ListedOperator, Recipient
from libs.common.db import Database
from libs.common.ids import derived_id
from libs.common.intervals import Space
from libs.common.security import Role, operator
from libs.common.vocabulary import RecipientKind
from services.attribution.api.views import (
    CandidateView,
    EvidenceView,
    RecipientView,
    candidate_view,
    evidence_view,
    recipient_view,
)
from services.attribution.domain.ladder import Attributed, Decision, Route
from services.attribution.domain.listings import Listing, Unknown
from services.attribution.domain.lookups import Looked
from services.attribution.handlers import Decider, LookupAnswer, Verifier, look_up, look_up_all

MOST_ASSETS = 2000


class OperatorView(BaseModel):
    """Whom another team warns, as the verifier's list has it."""

    name: str
    sector: str
    warned_by: str


class ListingView(BaseModel):
    """What the verifier's list of those whom other teams warn says of the asset, and what its rules make of that.

    `becomes` is `handed-over`, `warned` (like anybody), or the outcome with which its records end at the verifier.
    """

    has_list: bool
    operator: OperatorView | None
    becomes: str | None
    by_network: bool = Field(description="Only for records that say that it lies in an AS that the list names")


class LookupView(BaseModel):
    """Of a threat that the verifier finds true. `evidence` ends at the rung that decided; `candidates` goes on to the
    end of the ladder, most certain first.

    `explanation` tells it in sentences: what would come of it, then each step. `listing` is null where the verifier
    could not be asked: the first sentence says so.
    """

    recipient: RecipientView | None
    confidence: float
    evidence: list[EvidenceView]
    candidates: list[CandidateView]
    route: Route
    reason: str | None
    explanation: list[str]
    listing: ListingView | None
    listing_unknown_because: str | None = Field(
        description="Why the verifier was not asked; the rest may not hold then"
    )


class ListedBody(BaseModel):
    """Whose the asset is, where the verifier's list names somebody whom another team warns."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=LONGEST_VALUE)
    sector: str = Field("", max_length=LONGEST_VALUE)
    warned_by: str = Field("", max_length=LONGEST_VALUE)


class AssetBody(BaseModel):
    """One asset, as in one record, with what a record says of it besides, and what the verifier says of the record."""

    model_config = ConfigDict(extra="forbid")

    ip: str | None = Field(None, max_length=LONGEST_VALUE)
    domain: str | None = Field(None, max_length=LONGEST_VALUE)
    url: str | None = Field(None, max_length=LONGEST_VALUE)
    asn: str | None = Field(None, max_length=LONGEST_VALUE)
    email: str | None = Field(None, max_length=LONGEST_VALUE)
    hostname: str | None = Field(None, max_length=LONGEST_VALUE, description="The name of the address in reverse DNS")
    certificate_name: str | None = Field(None, max_length=LONGEST_VALUE, description="Found at the asset")
    network_asn: int | None = Field(None, ge=1, lt=Space.ASN.end, description="In which the asset lies")
    country: str | None = Field(None, max_length=LONGEST_VALUE, description="In which it lies")
    category: str = Field("", max_length=LONGEST_VALUE, description="RSIT, such as `malicious-code/c2-server`")
    listed: ListedBody | None = Field(None, description="Without it, it is taken not to be on the list")


class AskedAssets(BaseModel):
    """Many assets at once."""

    model_config = ConfigDict(extra="forbid")

    assets: list[AssetBody] = Field(min_length=1, max_length=MOST_ASSETS)


class ReceiverView(BaseModel):
    """Who would get a mail; `recipient` is an id that only tells one recipient from another."""

    kind: RecipientKind
    recipient: UUID


class RouteView(BaseModel):
    """Which way a warning would go; `recipient` as in `ReceiverView`. `copies` are mails to teams beside it."""

    route: Route
    kind: RecipientKind | None
    recipient: UUID | None
    copies: list[ReceiverView]


class LookupsView(BaseModel):
    """In the order of what was asked."""

    items: list[RouteView]


def routes(database: Database, decider: Decider, verifier: Verifier | None) -> APIRouter:
    router = APIRouter(tags=["look-up"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("/v1/lookup")
    async def read_lookup(
        request: Request,
        ip: Value = None,
        domain: Value = None,
        url: Value = None,
        asn: Value = None,
        email: Value = None,
    ) -> LookupView:
        """Asks what an event would ask, and changes nothing. Several values are one asset, as in one record.

        The verifier is asked whether its list of those whom other teams warn names the asset; where it can't be, the
        answer says so first.
        """
        asset = asset_asked_for({"ip": ip, "domain": domain, "url": url, "asn": asn, "email": email})
        authorization = request.headers["authorization"]
        return _view(
            await look_up(asset, database=database, decider=decider, verifier=verifier, authorization=authorization)
        )

    @router.post("/v1/lookups")
    async def read_lookups(asked: AskedAssets) -> LookupsView:
        """The same of many assets at once: which way each would go, and which of them to the same recipient.

        Nobody is asked about the verifier's list here: `listed` says who is on it.
        """
        decisions = await look_up_all([looked_of(each) for each in asked.assets], database=database, decider=decider)
        return LookupsView(items=[_route_view(decision) for decision in decisions])

    return router


def _route_view(decision: Decision) -> RouteView:
    if not isinstance(decision, Attributed):
        return RouteView(route=decision.route, kind=None, recipient=None, copies=[])
    return RouteView(
        route=decision.route,
        kind=decision.recipient.kind,
        recipient=_told_apart(decision.recipient),
        copies=[
            ReceiverView(kind=copy.recipient.kind, recipient=_told_apart(copy.recipient)) for copy in decision.copies
        ],
    )


def _told_apart(recipient: Recipient) -> UUID:
    return derived_id("recipient", recipient.key)


def looked_of(asked: AssetBody) -> Looked:
    """The asset in canonical form, with the rest as it is said."""
    return Looked(
        msgspec.structs.replace(asset_asked_for(asked.model_dump()), hostname=canonical_domain(asked.hostname or "")),
        network_asn=asked.network_asn,
        country=asked.country,
        category=asked.category,
        certificate_name=asked.certificate_name,
        listed=ListedOperator(**asked.listed.model_dump()) if asked.listed is not None else None,
    )


def _view(answer: LookupAnswer) -> LookupView:
    return LookupView(
        recipient=recipient_view(answer.recipient),
        confidence=answer.confidence,
        evidence=[evidence_view(step) for step in answer.evidence],
        candidates=[candidate_view(candidate) for candidate in answer.candidates],
        route=answer.route,
        reason=answer.reason,
        explanation=answer.explanation,
        listing=_listing_view(answer.listing) if isinstance(answer.listing, Listing) else None,
        listing_unknown_because=answer.listing.because if isinstance(answer.listing, Unknown) else None,
    )


def _listing_view(listing: Listing) -> ListingView:
    operator = listing.operator
    return ListingView(
        has_list=listing.has_list,
        operator=OperatorView(name=operator.name, sector=operator.sector, warned_by=operator.warned_by)
        if operator is not None
        else None,
        becomes=listing.becomes,
        by_network=listing.by_network,
    )
