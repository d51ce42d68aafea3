"""Duplicates and their merging, the log of changes, and all organisations as a file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from libs.common.db import Database
from libs.common.openapi import content, refusals
from libs.common.paging import Page, PageCursor, PageLimit, encode_cursor, read_cursor
from libs.common.security import Operator, Role, operator
from services.attribution.api.views import refuse
from services.attribution.domain.changes import KeptChange, What
from services.attribution.domain.merging import Duplicate, Likeness
from services.attribution.domain.organisations import OrganisationRecord
from services.attribution.handlers import (
    Merge,
    Refusal,
    changes_page,
    export_organisations,
    likely_duplicates,
    merge_organisations,
)

Analyst = Annotated[Operator, Depends(operator(at_least=Role.ANALYST))]
VIEWER = Depends(operator(at_least=Role.VIEWER))
CSV_TYPE = "text/csv; charset=utf-8; header=present"


class NamedView(BaseModel):
    organisation_id: UUID
    name: str
    kvk_number: str | None


class LikenessView(BaseModel):
    what: Likeness
    value: str


class DuplicateView(BaseModel):
    """Two that may be one; `first` was added first."""

    first: NamedView
    second: NamedView
    why: list[LikenessView]


class MergeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    into: UUID


class ObjectionView(BaseModel):
    code: str
    message: str


class MergeView(BaseModel):
    """What goes over, and what `into` then says of itself. With `objections` a merge that is no dry run is refused."""

    organisation: NamedView
    into: NamedView
    dry_run: bool
    name: str
    other_names: list[str]
    kvk_number: str | None
    criticality: str
    assets: list[str]
    contacts: list[str]
    learnt: int
    objections: list[ObjectionView]


class ChangeView(BaseModel):
    """`before` and `after` hold what differs; null: there was, or is, nothing."""

    change_id: UUID
    at: datetime
    by: str
    what: What
    subject: str
    before: Mapping[str, Any] | None  # Any: the fields of what was changed
    after: Mapping[str, Any] | None


def routes(database: Database) -> APIRouter:
    """They come before those of one organisation, whose id would else be taken to be `duplicates`."""
    router = APIRouter(prefix="/v1/organisations", tags=["organisations"])
    _list_routes(router, database)

    @router.post("/{organisation_id}/merge", responses=refusals(409, 410))
    async def post_merge(
        organisation_id: UUID,
        body: MergeBody,
        analyst: Analyst,
        dry_run: Annotated[bool, Query(description="Only say what would go over, and what speaks against it")] = False,
    ) -> MergeView:
        """Two entries are one organisation: all of this one goes over to `into`. Its id answers 410 from then on."""
        async with database.transaction() as tx:
            merge = await merge_organisations(
                organisation_id, body.into, by=analyst.name, tx=tx, now=database.now(), dry_run=dry_run
            )
            if isinstance(merge, Refusal):
                refuse(merge, what="organisation")
        return _merge_view(merge, dry_run=dry_run)

    return router


def _list_routes(router: APIRouter, database: Database) -> None:
    @router.get("/duplicates", dependencies=[VIEWER])
    async def list_duplicates(limit: PageLimit = 50, cursor: PageCursor = None) -> Page[DuplicateView]:
        """Pairs that may be one organisation, and why; a person merges them, or not."""
        after = read_cursor(cursor, tuple[UUID, UUID]) if cursor else None
        async with database.transaction() as tx:
            found = await likely_duplicates(tx, after=after, limit=limit)
        following = encode_cursor(found[limit - 1][0].first, found[limit - 1][0].second) if len(found) > limit else None
        return Page(items=[_duplicate_view(*each) for each in found[:limit]], next=following)

    @router.get(
        "/export",
        dependencies=[VIEWER],
        response_class=StreamingResponse,
        responses={200: content("text/csv")},
    )
    async def export() -> StreamingResponse:
        """All organisations as CSV, safe to open in a spreadsheet; `POST /v1/imports/organisations` reads it back."""
        headers = {"Content-Disposition": 'attachment; filename="organisations.csv"'}
        return StreamingResponse(export_organisations(database), media_type=CSV_TYPE, headers=headers)

    @router.get("/{organisation_id}/changes", dependencies=[Depends(operator(at_least=Role.AUDITOR))])
    async def list_changes(organisation_id: UUID, limit: PageLimit = 50, cursor: PageCursor = None) -> Page[ChangeView]:
        """Who changed what, newest first; also of an organisation that is gone."""
        before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
        async with database.transaction() as tx:
            found = await changes_page(tx, organisation_id, before=before, limit=limit)
        following = encode_cursor(found[limit - 1].change_id) if len(found) > limit else None
        return Page(items=[_change_view(each) for each in found[:limit]], next=following)


def _merge_view(merge: Merge, *, dry_run: bool) -> MergeView:
    return MergeView(
        organisation=_named(merge.organisation),
        into=_named(merge.into),
        dry_run=dry_run,
        name=merge.profile.name,
        other_names=list(merge.profile.other_names),
        kvk_number=merge.profile.kvk_number,
        criticality=merge.profile.criticality,
        assets=list(merge.moving.values),
        contacts=list(merge.moving.addresses),
        learnt=merge.moving.learnt,
        objections=[ObjectionView(code=each.code, message=each.message) for each in merge.objections],
    )


def _duplicate_view(pair: Duplicate, first: OrganisationRecord, second: OrganisationRecord) -> DuplicateView:
    why = [LikenessView(what=what, value=value) for what, value in pair.why]
    return DuplicateView(first=_named(first), second=_named(second), why=why)


def _named(record: OrganisationRecord) -> NamedView:
    profile = record.profile
    return NamedView(organisation_id=record.organisation_id, name=profile.name, kvk_number=profile.kvk_number)


def _change_view(kept: KeptChange) -> ChangeView:
    change = kept.change
    return ChangeView(
        change_id=kept.change_id,
        at=change.at,
        by=change.by,
        what=change.what,
        subject=change.subject,
        before=change.before,
        after=change.after,
    )
