"""The verifier, as a look-up asks it whether its list of those whom other teams warn names an asset."""

from collections.abc import Callable
from typing import Protocol

import httpx
import msgspec

from libs.common.contracts import Asset
from libs.common.errors import Permanent, Transient
from services.attribution.domain.listings import BECOMES, Listing

ANSWER_SECONDS = 5.0
PATH = "/v1/listed"


class Verifier(Protocol):
    """`Transient` while it does not answer, `Permanent` when it answers what it should not."""

    async def listing(self, asset: Asset, *, network_asn: int | None, authorization: str) -> Listing:
        """What its list says of the asset, in the AS that a record of it would name."""
        ...


class HttpVerifier:
    """The service at its address, asked with the token of whoever looks up. No proxy stands between services."""

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url, self._transport = url, transport

    async def listing(self, asset: Asset, *, network_asn: int | None, authorization: str) -> Listing:
        headers = {"Authorization": authorization}
        given = {"ip": asset.ip, "domain": asset.domain, "url": asset.url, "asn": asset.asn, "email": asset.email}
        asked = {name: str(value) for name, value in given.items() if value is not None}
        if network_asn is not None:
            asked["network_asn"] = str(network_asn)
        try:
            async with httpx.AsyncClient(
                base_url=self._url, timeout=ANSWER_SECONDS, trust_env=False, transport=self._transport
            ) as client:
                answer = await client.get(PATH, params=asked, headers=headers)
        except httpx.TransportError as error:
            raise Transient(f"the verifier does not answer: {type(error).__name__}") from error
        if not answer.is_success:
            raise Permanent(f"the verifier answers {answer.status_code}")
        try:
            listing = msgspec.json.decode(answer.content, type=Listing)
        except msgspec.DecodeError as error:
            raise Permanent(f"the verifier answers something else than it should: {error}") from error
        if (listing.becomes is None) is not (listing.operator is None) or listing.becomes not in {None, *BECOMES}:
            raise Permanent(f"the verifier answers something else than it should: {listing.becomes}")
        return listing


class StaticVerifier:
    """For tests: answers as it is told to."""

    def __init__(self, answer: Callable[[Asset, int | None], Listing]) -> None:
        self._answer = answer

    async def listing(self, asset: Asset, *, network_asn: int | None, authorization: str) -> Listing:
        del authorization
        return self._answer(asset, network_asn)
