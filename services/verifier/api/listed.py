"""`/v1/listed`: does another team warn whoever has this asset?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from libs.common.asked_assets import Value, asset_asked_for
from libs.common.intervals import Space
from libs.common.security import Role, operator
from services.verifier.domain.listed import Listing, listing_of
from services.verifier.handlers import RulesInForce

NetworkAsn = Annotated[
    int | None, Query(ge=1, lt=Space.ASN.end, description="The AS that a record would say the asset lies in")
]


class OperatorView(BaseModel):
    """Whom another team warns, as the list has it."""

    name: str
    sector: str
    warned_by: str


class ListingView(BaseModel):
    """What the list of vital operators says of an asset, and what the rules in force make of that.

    `becomes` is `handed-over`, `warned` (like anybody), or the outcome with which records of it end here.
    """

    has_list: bool = Field(description="Whether there is a list at all")
    operator: OperatorView | None
    becomes: str | None
    by_network: bool = Field(description="Only for records that say that it lies in an AS that the list names")


def routes(rules: RulesInForce) -> APIRouter:
    router = APIRouter(tags=["rules"], dependencies=[Depends(operator(at_least=Role.VIEWER))])

    @router.get("/v1/listed")
    async def read_listing(
        ip: Value = None,
        domain: Value = None,
        url: Value = None,
        asn: Value = None,
        email: Value = None,
        network_asn: NetworkAsn = None,
    ) -> ListingView:
        """Whom the list of those whom other teams warn names. Several values are one asset, as in one record."""
        asset = asset_asked_for({"ip": ip, "domain": domain, "url": url, "asn": asn, "email": email})
        return _view(listing_of(asset, network_asn=network_asn, rules=rules.current))

    return router


def _view(listing: Listing) -> ListingView:
    named = listing.operator
    return ListingView(
        has_list=listing.has_list,
        operator=OperatorView(name=named.name, sector=named.sector, warned_by=named.warned_by) if named else None,
        becomes=listing.becomes,
        by_network=listing.by_network,
    )
