"""`/v1/organisations/{id}/assets`: what is theirs, and how that is proven."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from libs.common.db import Database
from libs.common.openapi import refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from libs.common.storable import StorableTime
from libs.common.text import plain
from libs.common.vocabulary import AssetKind
from services.attribution.api.views import refuse
from services.attribution.domain.organisations import AssetRecord
from services.attribution.domain.proofs import ProofMethod, ProofState, record_of
from services.attribution.handlers import (
    Refusal,
    asset_of,
    assets_page,
    challenge_asset,
    proofs_page,
    register_asset,
    release_asset,
    revoke_proof,
    vouch_for_asset,
)

VIEWER = Depends(operator(at_least=Role.VIEWER))
Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
LONGEST_NOTE = 1_000
ALL = "/v1/organisations/{organisation_id}/assets"
ONE = ALL + "/{asset_id}"


class Prove(Protocol):
    """Looks for the record of an asset, and takes it as proof if it is there."""

    async def __call__(self, organisation_id: UUID, asset_id: UUID, *, by: str) -> AssetRecord | Refusal: ...


def _one_line(text: str) -> str:
    return plain(text, LONGEST_NOTE)


Note = Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_one_line)]


EndsBefore = Annotated[
    StorableTime | None, Query(description="Only those that end by then: of `proven` ones, what is to be renewed")
]


class AssetName(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: AssetKind
    value: str = Field(
        min_length=1,
        max_length=300,
        description="`198.51.100.0/24`, `198.51.100.3 - 198.51.100.9`, `bakery.example` (and all below it), `AS64500`",
    )


class AssetBody(AssetName):
    vouched: bool = Field(True, description="The desk's word that it is theirs; without it they have to prove it first")
    note: Note = Field("", description="Why the desk vouches for it")


class NoteBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Note = Field(min_length=1, description="Why; kept in the log of changes")


class TxtRecordView(BaseModel):
    """What is to be put into the DNS."""

    name: str
    value: str


class ProofView(BaseModel):
    """`claimed`, `challenged`, `proven` until a day, then `lapsed`; `revoked` by a person.

    `record` is the TXT record that proves it, where it is a domain that was challenged.
    """

    state: ProofState
    method: ProofMethod | None
    record: TxtRecordView | None
    challenged_at: datetime | None
    proven_at: datetime | None
    proven_until: datetime | None
    by: str | None
    note: str | None
    next_check_at: datetime | None


class AssetView(AssetName):
    """`value` as it is kept: canonical, so the same asset written in another way is the same.

    Nobody is warned about an asset that is not proven, or that is `contested`: see `GET /v1/conflicts`.
    """

    asset_id: UUID
    organisation_id: UUID
    created_at: datetime
    contested: bool
    proof: ProofView


def routes(database: Database, prove: Prove) -> APIRouter:
    router = APIRouter(tags=["assets"], responses=refusals(410))
    _list_routes(router, database)
    _asset_routes(router, database)
    _proof_routes(router, prove)
    _word_routes(router, database)
    return router


def _list_routes(router: APIRouter, database: Database) -> None:
    @router.get("/v1/proofs", dependencies=[VIEWER])
    async def list_proofs(
        state: Annotated[ProofState, Query(description="Such as `lapsed`: nobody is warned about these any more")],
        ends_before: EndsBefore = None,
        limit: PageLimit = 50,
        cursor: PageCursor = None,
    ) -> Page[AssetView]:
        """Assets of all organisations whose proof is in this state."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await proofs_page(tx, state, ends_before=ends_before, after=after, limit=limit)
        return _page(found, limit)

    @router.get(ALL, dependencies=[VIEWER])
    async def list_assets(organisation_id: UUID, limit: PageLimit = 50, cursor: PageCursor = None) -> Page[AssetView]:
        """What is theirs, in the order in which it was registered."""
        after = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await assets_page(tx, organisation_id, after=after, limit=limit)
        if isinstance(found, Refusal):
            refuse(found, what="organisation")
        return _page(found, limit)


def _asset_routes(router: APIRouter, database: Database) -> None:
    @router.post(ALL, status_code=201, responses=refusals(409))
    async def post_asset(organisation_id: UUID, body: AssetBody, analyst: Analyst) -> AssetView:
        """Claim an asset. An asset that the organisation has already is answered as it is kept.

        By default the desk vouches for it, for a year. What another organisation claims too is kept and `contested`.
        """
        async with database.transaction() as tx:
            asset = await register_asset(
                organisation_id,
                body.kind,
                body.value,
                by=analyst.name,
                tx=tx,
                now=database.now(),
                vouched_for=body.vouched,
                note=body.note,
            )
            if isinstance(asset, Refusal):
                refuse(asset, what="organisation")
        return asset_view(asset)

    @router.get(ONE, dependencies=[VIEWER])
    async def read_asset(organisation_id: UUID, asset_id: UUID) -> AssetView:
        """One asset with the state of its proof."""
        async with database.transaction() as tx:
            asset = await asset_of(tx, organisation_id, asset_id)
        if isinstance(asset, Refusal):
            refuse(asset, what="asset")
        return asset_view(asset)

    @router.delete(ONE, status_code=204)
    async def delete_asset(organisation_id: UUID, asset_id: UUID, analyst: Analyst) -> None:
        """It is theirs no longer; what was found at it before stays as it was."""
        async with database.transaction() as tx:
            refusal = await release_asset(organisation_id, asset_id, by=analyst.name, tx=tx, now=database.now())
            if refusal is not None:
                refuse(refusal, what="asset")


def _proof_routes(router: APIRouter, prove: Prove) -> None:
    @router.post(ONE + "/prove", responses=refusals(409))
    async def post_proof(organisation_id: UUID, asset_id: UUID, analyst: Analyst) -> AssetView:
        """Say that the record is there: it is looked for now. Without success nothing changes; try again at will.

        Once found it is looked for by itself every year, so it has to stay.
        """
        asset = await prove(organisation_id, asset_id, by=analyst.name)
        if isinstance(asset, Refusal):
            refuse(asset, what="asset")
        return asset_view(asset)


def _word_routes(router: APIRouter, database: Database) -> None:
    @router.post(ONE + "/challenge", responses=refusals(409))
    async def post_challenge(organisation_id: UUID, asset_id: UUID, analyst: Analyst) -> AssetView:
        """Get the TXT record (`proof.record`) that proves a domain. It has two weeks to appear.

        Asked again in that time the record is the same. What is proven stays so meanwhile.
        """
        async with database.transaction() as tx:
            asset = await challenge_asset(organisation_id, asset_id, by=analyst.name, tx=tx, now=database.now())
            if isinstance(asset, Refusal):
                refuse(asset, what="asset")
        return asset_view(asset)

    @router.post(ONE + "/vouch")
    async def post_word(organisation_id: UUID, asset_id: UUID, body: NoteBody, analyst: Analyst) -> AssetView:
        """The desk's word that it is theirs, for a year from now."""
        async with database.transaction() as tx:
            asset = await vouch_for_asset(
                organisation_id, asset_id, note=body.note, by=analyst.name, tx=tx, now=database.now()
            )
            if isinstance(asset, Refusal):
                refuse(asset, what="asset")
        return asset_view(asset)

    @router.post(ONE + "/revoke")
    async def post_revocation(organisation_id: UUID, asset_id: UUID, body: NoteBody, analyst: Analyst) -> AssetView:
        """Nobody is warned about it any more, from now on. It stays claimed, and can be proven again."""
        async with database.transaction() as tx:
            asset = await revoke_proof(
                organisation_id, asset_id, note=body.note, by=analyst.name, tx=tx, now=database.now()
            )
            if isinstance(asset, Refusal):
                refuse(asset, what="asset")
        return asset_view(asset)


def _page(found: list[AssetRecord], limit: int) -> Page[AssetView]:
    following = encode_cursor(found[limit - 1].asset_id) if len(found) > limit else None
    return Page(items=[asset_view(record) for record in found[:limit]], next=following)


def asset_view(record: AssetRecord) -> AssetView:
    proof = record.proof
    txt = record_of(record.kind, record.value, proof.token) if proof.token is not None else None
    return AssetView(
        asset_id=record.asset_id,
        organisation_id=record.organisation_id,
        kind=record.kind,
        value=record.value,
        created_at=record.created_at,
        contested=record.contested,
        proof=ProofView(
            state=proof.state,
            method=proof.method,
            record=TxtRecordView(name=txt[0], value=txt[1]) if txt is not None else None,
            challenged_at=proof.challenged_at,
            proven_at=proof.proven_at,
            proven_until=proof.proven_until,
            by=proof.by,
            note=proof.note,
            next_check_at=proof.check_at,
        ),
    )
